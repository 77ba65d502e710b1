import { ConfigurationError } from '../errors.ts'
import { flag, list, object, text } from '../lib/options.ts'
import { callPart } from '../lib/runtime.ts'
import type { Identity } from '../types.ts'
import type { Context } from './context.ts'
import type { Choice, Choices } from './options.ts'

/** A choice with its defaults. */
export type OfferedChoice = Required<Choice>

/**
 * What this user is to choose at consent, as `consent.choices` says. Empty without that option. Rejects with
 * what it throws, and with a ConfigurationError if it answers wrongly.
 */
export async function offerChoices(
  { options }: Context,
  identity: Identity,
  request: Request,
): Promise<readonly OfferedChoice[]> {
  const { choices } = options.consent
  if (choices === undefined) return []
  // Who it is at every call, and never the tokens of the provider.
  const { upstream: _upstream, ...user } = identity
  return callPart(where, async () => {
    const offered = choiceList().required(await choices(user, request), where)
    requireDistinct(offered.map(({ name }) => name))
    for (const each of offered) requireDistinct(each.options.map(({ value }) => value))
    return offered
  })
}

/** What is left of earlier choices. */
export interface Settled {
  /** The values that are still offered. */
  readonly choices: Choices
  /** A choice without which the user cannot go on. */
  readonly missing: OfferedChoice | undefined
  /** Names of choices whose value is no longer offered. */
  readonly dropped: readonly string[]
}

/** Compares what was chosen with what is offered now. A choice that is no longer offered is dropped. */
export function settleChoices(offered: readonly OfferedChoice[], chosen: Choices): Settled {
  const kept = Object.entries(chosen).filter(([name, value]) =>
    offered.some((each) => each.name === name && each.options.some((option) => option.value === value)),
  )
  const names = kept.map(([name]) => name)
  return {
    choices: Object.fromEntries(kept),
    missing: offered.find(({ name, required }) => required && !names.includes(name)),
    dropped: Object.keys(chosen).filter((name) => !names.includes(name)),
  }
}

/** The same choices, in whatever order they were made. */
export const sortedChoices = (choices: Choices = {}): [string, string][] => Object.entries(choices).sort()

const where = 'consent.choices'

const choiceList = () =>
  list(
    object({
      name: text('a letter, then up to 31 letters, digits, "_" or "-"', /^[a-z][a-z0-9_-]{0,31}$/i).required,
      label: text().required,
      options: list(
        object({
          // A form sends a line break as CR LF, and half of a surrogate pair as another character.
          value: text('1 to 100 characters without control characters', /^[^\p{Cc}\p{Cs}]{1,100}$/u).required,
          label: text().required,
        }),
      ).required,
      required: flag().default(true),
    }),
  )

function requireDistinct(names: readonly string[]): void {
  const twice = names.find((each, i) => names.indexOf(each) !== i)
  if (twice !== undefined) throw new ConfigurationError(where, `must not have ${JSON.stringify(twice)} twice`)
}
