import type { TollgateEvent } from '../types.ts'

/**
 * An `onEvent` for development: one line an event.
 *
 * @example
 * createResourceServer({ …, onEvent: printEvents() })
 */
export function printEvents(
  print: (line: string) => void = (line) => console.log(line),
): (event: TollgateEvent) => void {
  return ({ type, at, level, ...rest }) => {
    const fields = Object.entries(rest).flatMap(([name, value]) =>
      value === undefined ? [] : `${name}=${typeof value === 'string' ? JSON.stringify(value) : value}`,
    )
    print([new Date(at * 1000).toISOString(), level.padEnd(7), type, ...fields].join(' '))
  }
}
