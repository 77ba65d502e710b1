import { flag, func, oneOf, readOptions } from '../lib/options.ts'
import type { TollgateEvent } from '../types.ts'

/** Options of {@link consoleEvents}. */
export interface ConsoleEventsOptions {
  /** Receives each line. Default: `console.log`. */
  write?: (line: string) => void
  /** Colours for a terminal (ANSI). Default false. */
  colors?: boolean
  /** The least level that is written. Default: `info`, everything. */
  level?: TollgateEvent['level']
}

const levels = ['info', 'warning', 'alert'] as const

/**
 * An `onEvent` for development: one readable line for each event.
 *
 * @throws ConfigurationError if an option is wrong or unknown.
 *
 * @example
 * const rs = createResourceServer({ ...options, onEvent: consoleEvents({ colors: process.stdout.isTTY }) })
 */
export function consoleEvents(options: ConsoleEventsOptions = {}): (event: TollgateEvent) => void {
  const read = readOptions('consoleEvents', options, {
    write: func(),
    colors: flag().default(false),
    level: oneOf(levels).default('info'),
  })
  const write = read.write ?? ((line: string) => console.log(line))
  const least = levels.indexOf(read.level!)
  const paint = read.colors === true ? colored : plain
  return (event) => {
    if (levels.indexOf(event.level) >= least) write(lineOf(event, paint))
  }
}

type Paint = (level: TollgateEvent['level'] | 'dim', text: string) => string

const plain: Paint = (_, text) => text
const codes = { info: 36, warning: 33, alert: 31, dim: 2 } as const
const colored: Paint = (level, text) => `\u001B[${codes[level]}m${text}\u001B[0m`

/** Time of day, level, type, the members by name, and the sentence at the end. */
function lineOf({ type, at, level, detail, ...members }: TollgateEvent, paint: Paint): string {
  const fields = Object.entries(members).map(([name, value]) => `${paint('dim', `${name}=`)}${show(value)}`)
  const start = [paint('dim', timeOf(at)), paint(level, `${level.padEnd(7)} ${type}`)]
  return [...start, ...fields, ...(detail === undefined ? [] : [`· ${detail}`])].join(' ')
}

const timeOf = (at: number): string => new Date(at * 1000).toISOString().slice(11, 23)

/** Quoted if it would not be one word. */
function show(value: unknown): string {
  const text = String(value)
  return /^[!#-<>-~]+$/.test(text) ? text : JSON.stringify(text)
}
