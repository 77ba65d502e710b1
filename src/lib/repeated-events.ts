import type { Runtime, TollgateEvent } from '../types.ts'
import { either, integer, object, oneOf, seconds, type OptionalOption } from './options.ts'

/** `info` events that a stranger can cause without end. */
const causedByStrangers: readonly TollgateEvent['type'][] = ['token.missing', 'consent.asked']

/** Events of one kind within a window. */
interface Kind {
  until: number
  /** Told one by one. */
  told: number
  /** Held back since the last sum. */
  held: number
  /** So many are held back before the next sum. */
  next: number
  last: TollgateEvent
}

/** Kinds that are told apart; whatever comes above them is of one kind for each type. */
const maxKinds = 200

/**
 * A stranger sizes what is refused: 80 000 bad tokens must not be 80 000 events. Of each kind the first of
 * a window are told one by one; then a sum each time that ten times as many have come, and one at the end
 * of the window, when the next event of any kind arrives. Alerts and what was let through are always told:
 * they are an audit log.
 */
export function sumUpEvents(
  tell: (event: TollgateEvent) => void,
  options: Runtime['repeatedEvents'],
): (event: TollgateEvent, kindName?: string) => void {
  const resolved = repeatedEvents().default({})(options, 'repeatedEvents')
  if (resolved === false) return tell
  const { after, window } = resolved
  const kinds = new Map<string, Kind>()
  let nextEnd = Infinity

  const tellSum = (kind: Kind): void => {
    if (kind.held > 0) tell({ ...kind.last, count: kind.held })
    kind.held = 0
  }
  const endWindows = (now: number): void => {
    nextEnd = Infinity
    for (const [name, kind] of kinds) {
      if (kind.until <= now) {
        kinds.delete(name)
        tellSum(kind)
      } else nextEnd = Math.min(nextEnd, kind.until)
    }
  }

  return (event, kindName) => {
    if (event.at >= nextEnd) endWindows(event.at)
    // What counts by itself is not counted again.
    if (event.count !== undefined) return tell(event)
    if (event.level !== 'warning' && !causedByStrangers.includes(event.type)) return tell(event)
    const own = kindName ?? kindNameOf(event)
    const name = kinds.has(own) || kinds.size < maxKinds ? own : event.type
    let kind = kinds.get(name)
    if (kind === undefined) {
      kind = { until: event.at + window, told: 0, held: 0, next: after * 10, last: event }
      kinds.set(name, kind)
      nextEnd = Math.min(nextEnd, kind.until)
    }
    if (kind.told < after) {
      kind.told++
      return tell(event)
    }
    kind.held++
    kind.last = event
    if (kind.held < kind.next) return
    kind.next *= 10
    tellSum(kind)
  }
}

/** The row of the option. */
export const repeatedEvents = (): OptionalOption<
  false | { readonly after: number; readonly window: number }
> =>
  either(
    oneOf([false]),
    object({
      after: integer({ min: 1, max: 1000 }).default(20),
      window: seconds({ min: 1, max: 3600 }).default(60),
    }),
  )

/** What we say of an event, and who it is about if that was verified; never what a stranger wrote. */
export const kindNameOf = ({
  type,
  error,
  status,
  issuer,
  resource,
  clientId,
  subject,
}: TollgateEvent): string => JSON.stringify([type, error, status, issuer, resource, clientId, subject])
