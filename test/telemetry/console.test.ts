import { afterEach, expect, test, vi } from 'vitest'
import { consoleEvents } from '../../src/telemetry/console.ts'
import type { TollgateEvent } from '../../src/types.ts'

const at = 1_800_000_000
const rejected: TollgateEvent = {
  type: 'token.rejected',
  level: 'warning',
  at,
  resource: 'https://notes.test/mcp',
  error: 'invalid_token',
  status: 401,
  missingScopes: ['notes:read', 'notes:write'],
  detail: 'The token has expired',
}
afterEach(() => vi.restoreAllMocks())

const linesOf = (options: Parameters<typeof consoleEvents>[0], ...events: TollgateEvent[]): string[] => {
  const lines: string[] = []
  const print = consoleEvents({ write: (line) => lines.push(line), ...options })
  for (const event of events) print(event)
  return lines
}

test('an event is one line: time, level, type, members, and the sentence at the end', () => {
  expect(linesOf({}, rejected)).toEqual([
    '08:00:00.000 warning token.rejected resource=https://notes.test/mcp error=invalid_token status=401 ' +
      'missingScopes=notes:read,notes:write · The token has expired',
  ])
})

test('a value that is not one word is quoted, and cannot look like another member', () => {
  const event: TollgateEvent = {
    type: 'token.accepted',
    level: 'info',
    at,
    subject: 'a b',
    clientId: 'x" y=\u001B[2J',
  }
  expect(linesOf({}, event)).toEqual([
    '08:00:00.000 info    token.accepted subject="a b" clientId="x\\" y=\\u001b[2J"',
  ])
})

test('colours only if told, and of the level', () => {
  expect(linesOf({}, rejected)[0]).not.toContain('\u001B')
  const [line] = linesOf({ colors: true }, { ...rejected, level: 'alert' })
  expect(line).toContain('\u001B[31malert   token.rejected\u001B[0m')
})

test('below the level nothing is written', () => {
  const events = (['info', 'warning', 'alert'] as const).map((level) => ({ ...rejected, level }))
  expect(linesOf({ level: 'warning' }, ...events)).toHaveLength(2)
  expect(linesOf({ level: 'alert' }, ...events)).toHaveLength(1)
})

test('without write the line goes to the console', () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  consoleEvents()({ type: 'token.missing', level: 'info', at, status: 401 })
  expect(log.mock.calls).toEqual([['08:00:00.000 info    token.missing status=401']])
})

test('a wrong option is a ConfigurationError', () => {
  expect(() => consoleEvents({ colours: true } as never)).toThrow('did you mean "colors"')
  expect(() => consoleEvents({ level: 'error' as never })).toThrow(
    '`level` must be "info" or "warning" or "alert"',
  )
})
