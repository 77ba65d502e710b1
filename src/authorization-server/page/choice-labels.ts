import type { OfferedChoice } from '../choices.ts'
import type { Choice, Choices } from '../options.ts'
import { cleanText } from './text.ts'

/** What the page calls a choice: the application may have its label from users. */
export const choiceLabel = ({ name, label }: Pick<Choice, 'name' | 'label'>): string =>
  cleanText(label) || name

/** Labels of the options, in order. Spoofing: options that would read alike, show their values as well. */
export function optionLabels({ options }: Pick<Choice, 'options'>): string[] {
  const labels = options.map(({ value, label }) => cleanText(label) || cleanText(value, 100))
  return labels.map((label, i) =>
    labels.indexOf(label) === labels.lastIndexOf(label)
      ? label
      : `${label} (${cleanText(options[i]!.value, 100)})`,
  )
}

/** Each choice in words; by its name and value if it is not offered. */
export const describeChoices = (offered: readonly OfferedChoice[], chosen: Choices = {}): string[] =>
  Object.entries(chosen).map(([name, value]) => {
    const choice = offered.find((each) => each.name === name)
    const at = choice?.options.findIndex((each) => each.value === value) ?? -1
    const option = at < 0 ? cleanText(value, 100) : optionLabels(choice!)[at]
    return `${choice === undefined ? name : choiceLabel(choice)}: ${option}`
  })
