import { oneLine } from '../../lib/runtime.ts'

/**
 * Text that a client or user chose, on one short line. Spoofing: no characters that are invisible, reverse
 * the text, or look like a sign of this page, such as a tick, a shield or a padlock.
 */
export const cleanText = (text: string, length = 60): string =>
  oneLine(text, length)
    .replaceAll(/[\p{Default_Ignorable_Code_Point}√]|(?![©®°™])\p{So}/gu, '')
    .replaceAll(/(\p{M}{2})\p{M}+/gu, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim()

/** The name that a client claims. */
export const clientName = (name: string | undefined): string =>
  cleanText(name ?? '') || 'An app without a name'

/** The name of a resource, or its host. */
export const resourceName = ({ name, resource }: { name?: string; resource: string }): string =>
  cleanText(name ?? new URL(resource).host)

/** A length of time, rounded: `30 days`. */
export const period = (seconds: number): string => {
  const days = Math.round(seconds / 86_400)
  if (days >= 1) return days === 1 ? 'a day' : `${days} days`
  return `${Math.max(1, Math.round(seconds / 60))} minutes`
}

/** A list as a sentence has it: `Notes and Calendar`. */
export const listText = (items: readonly string[]): string => new Intl.ListFormat('en').format(items)
