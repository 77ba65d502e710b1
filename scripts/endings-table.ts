// Writes docs/reference/endings.md from test/support/endings.ts: `node scripts/endings-table.ts`. A test holds it current.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  causes,
  checked,
  day,
  endingOf,
  streamOf,
  things,
  type Cause,
  type Ending,
} from '../test/support/endings.ts'

function duration(seconds: number | 'never'): string {
  if (seconds === 'never') return 'never by itself'
  if (seconds === 0) return 'at once'
  if (seconds >= day) return `${seconds / day} d`
  return seconds > 300 && seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds} s`
}

function cell([here, elsewhere]: Ending): string {
  if (here === elsewhere) return duration(here)
  return `${duration(here)}; elsewhere ${duration(elsewhere)}`
}

const same = (a: Ending, b: Ending): boolean => a[0] === b[0] && a[1] === b[1]

function rowOf(cause: Cause): string {
  const cells = things.map((thing) => {
    const ending = endingOf(thing, cause)
    if (cause !== 'time' && same(ending, endingOf(thing, 'time'))) return '–'
    return cause === 'time' && thing === 'signing key' ? '2 h after the next one signs' : cell(ending)
  })
  const verdict = checked[cause]
  const [jwt, withCheck] = streamOf(cause)
  const [ownJwt, ownChecked] = streamOf('time')
  return [
    cause,
    ...cells,
    verdict === undefined ? '–' : cell(verdict),
    cause !== 'time' && jwt === ownJwt ? '–' : duration(jwt),
    cause !== 'time' && withCheck === ownChecked ? '–' : duration(withCheck),
  ].join(' | ')
}

/** The page. */
export function page(): string {
  const head = [
    'ended by',
    ...things,
    'cached verdict, `checkRevocation: 60`',
    'open stream',
    'open stream, `checkRevocation: 60`',
  ]
  return [
    '# Endings',
    '',
    'What ends what, and within which time: at the latest so long after the cause. _At once_ means for the next request in the isolate that',
    'caused it, and in every other isolate unless the cell says otherwise. A dash means that the cause does not end the thing: it lives until',
    'its own time, which is the first row. Generated from `test/support/endings.ts` by `node scripts/endings-table.ts`;',
    '`test/authorization-server/endings.test.ts` measures each cell just before its time and at it, on every runtime.',
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...causes.map((cause) => `| ${rowOf(cause)} |`),
    '',
    'Measured with access tokens of one hour (default 15 minutes), own sessions of one day (default one hour), keys that rotate every two hours',
    '(default 90 days), a clock skew of 5 s at the guard, and client documents without `Cache-Control` (kept for one hour; `max-age` counts',
    'between one minute and one day).',
    '',
    'The provider’s end of a sign-in counts from when a tool or a refresh asks for the upstream token and the provider refuses to renew it: at the',
    'latest at the first refresh after that token has expired. A linked account lives 180 days from its last use.',
    '',
    '## What cannot be ended',
    '',
    '- **A JWT access token without `checkRevocation`** lives until its `exp` plus the clock skew, whatever happens to its grant, its user or its client.',
    '  `revokeAll()` alone ends it. Its lifetime is the price of not asking the store: 15 minutes by default. `/introspect` and a refresh answer',
    '  dead at once in every setting. For less, use `checkRevocation`, or `accessTokens: "opaque"`.',
    '- **A stateless client id** has no expiry and no record. `clients.block(id)` ends it.',
    '- **The answer to an authorized POST** that is already streaming runs to its end, at most one hour. GET streams and `subscriptions/listen` are',
    '  looked at every 30 s.',
    '- **A session of the application’s own login** is the application’s to end; the row above is the session of an upstream sign-in.',
    '- **API keys and tokens of other issuers** end when their verifier says so: see `ttl` of `apiKeyVerifier` and of',
    '  `introspectionVerifier` (60 s in memory by default).',
    '',
  ].join('\n')
}

export const path: string = join(import.meta.dirname, '../docs/reference/endings.md')

if (import.meta.filename === process.argv[1]) {
  writeFileSync(path, page())
}
