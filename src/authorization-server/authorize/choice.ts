import { settleChoices, type OfferedChoice } from '../choices.ts'
import type { Context, Resource } from '../context.ts'
import { narrowAccess } from '../grant/access.ts'
import type { Access } from '../grants.ts'
import type { Choices } from '../options.ts'
import { choiceLabel, optionLabels } from '../page/choice-labels.ts'
import type { ChoiceView, OfferedResource } from '../page/consent.ts'
import { resourceName } from '../page/text.ts'

/**
 * The resources and scopes of the page's form. `chosen`: what the user ticked, if the form was sent before.
 */
export function offeredChoices(context: Context, offered: Access, chosen?: Access): OfferedResource[] {
  const { options, resources } = context
  return Object.entries(offered).map(([identifier, scopes], index) => {
    const resource = resources.find(identifier)!
    return {
      identifier,
      name: resourceName(resource),
      field: scopeField(index),
      scopes: scopes.map((scope) => {
        const isRequired = resource.requiredScopes.includes(scope)
        const isFixed = isFixedScope(offered, resource, scope)
        const isChosen = chosen?.[identifier]?.includes(scope) ?? false
        const isChecked = chosen === undefined ? options.consent.preselect || isRequired : isChosen
        return {
          scope,
          meaning: resource.scopes[scope]!,
          isRequired,
          isFixed,
          isChecked: isFixed || isChecked,
        }
      }),
    }
  })
}

/** What the submitted form grants of what was offered. */
export function chosenAccess({ resources }: Context, offered: Access, form: URLSearchParams): Access {
  const identifiers = Object.keys(offered)
  return narrowAccess(
    offered,
    (scope, identifier) =>
      isFixedScope(offered, resources.find(identifier)!, scope) ||
      form.getAll(scopeField(identifiers.indexOf(identifier))).includes(scope),
  )
}

/** Why this choice cannot be granted, if it cannot. */
export function choiceProblem({ resources }: Context, offered: Access, chosen: Access): string | undefined {
  if (Object.keys(chosen).length === 0)
    return 'Choose at least one thing that the app may do, or choose Deny.'
  for (const [identifier, scopes] of Object.entries(chosen)) {
    const resource = resources.find(identifier)!
    const missing = resource.requiredScopes.find(
      (each) => offered[identifier]!.includes(each) && !scopes.includes(each),
    )
    if (missing !== undefined)
      return (
        `${resourceName(resource)} does not work without “${resource.scopes[missing]}”. ` +
        'Choose that as well, or nothing of it.'
      )
  }
  return undefined
}

/** What the form picks of the choices, and what is wrong with it. */
export function pickedChoices(
  offered: readonly OfferedChoice[],
  form: URLSearchParams,
): { picked: Choices; problem: string | undefined; wrong: OfferedChoice | undefined } {
  const sent = offered.map(({ name }) => [name, form.get(choiceField(name)) ?? ''] as const)
  const { choices, missing, dropped } = settleChoices(
    offered,
    Object.fromEntries(sent.filter(([, value]) => value !== '')),
  )
  const wrong = missing ?? offered.find(({ name }) => dropped.includes(name))
  // What the page offered and is not offered any more: without it the approval would be wider.
  const isGone = [...form].some(
    ([field, value]) =>
      field.startsWith(choiceField('')) &&
      value !== '' &&
      !offered.some(({ name }) => choiceField(name) === field),
  )
  const changed = isGone ? 'What there is to choose has changed. Check again whether you agree.' : undefined
  return {
    picked: choices,
    problem: wrong ? `Choose an option for “${choiceLabel(wrong)}”.` : changed,
    wrong,
  }
}

/** The choice for the form. A required one with one option is made. */
export function choiceView(choice: OfferedChoice, picked: Choices, isWrong: boolean): ChoiceView {
  const { name, required, options } = choice
  const labels = optionLabels(choice)
  const only = required && options.length === 1 ? options[0]!.value : ''
  const chosen = Object.hasOwn(picked, name) ? picked[name] : only
  const none = required ? [] : [{ value: '', label: 'None' }]
  return {
    field: choiceField(name),
    label: choiceLabel(choice),
    isRequired: required,
    isWrong,
    options: [...none, ...options.map(({ value }, i) => ({ value, label: labels[i]! }))].map((each) => ({
      ...each,
      isChosen: each.value === chosen,
    })),
  }
}

const choiceField = (name: string): string => `choice-${name}`

/** The form's field for the scopes of the resource at this place in the request. */
const scopeField = (index: number): string => (index === 0 ? 'scope' : `scope-${index}`)

/**
 * Whether the user cannot leave the scope out: it is required, and of a request for one resource only. Of
 * several resources each can be left out as a whole.
 */
const isFixedScope = (offered: Access, { requiredScopes }: Resource, scope: string): boolean =>
  Object.keys(offered).length === 1 && requiredScopes.includes(scope)
