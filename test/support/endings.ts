/** What ends what, and within which time: the data of `docs/reference/endings.md`, held by `test/authorization-server/endings.test.ts`. */

export const things = [
  'authorization code',
  'JWT access token',
  'cached verdict',
  'opaque access token',
  'refresh token',
  'grant',
  'remembered consent',
  'session',
  'client',
  'signing key',
  'linked account',
] as const
export type Thing = (typeof things)[number]

export const causes = [
  'time',
  'access token revoked',
  'refresh token revoked',
  'grant revoked',
  'user’s grants revoked',
  'provider ended the sign-in',
  'account unlinked',
  'client blocked',
  'revokeAll()',
  'signing key rotated',
  'client’s document changed',
  'client’s document gone',
  'deployment secret replaced',
] as const
export type Cause = (typeof causes)[number]

export const day = 86_400

/** Seconds until the thing is dead at the latest, in the isolate that caused it and in others. `never`: not by itself. */
export type Ending = readonly [here: number | 'never', elsewhere: number | 'never']

const both = (seconds: number | 'never'): Ending => [seconds, seconds]
const atOnce = both(0)

/** Seconds at which the test looks. A cell's time is one of these. */
export const looks: readonly number[] = [
  0,
  59,
  60,
  299,
  300,
  3599,
  3600,
  3605,
  7200,
  7230,
  day,
  30 * day,
  180 * day,
]

/** With tokens of an hour, sessions of a day, and a key ring that rotates every two hours. */
const time: Readonly<Record<Thing, Ending>> = {
  'authorization code': both(60),
  'JWT access token': both(3605),
  'cached verdict': both(3605),
  'opaque access token': both(3605),
  'refresh token': both(30 * day),
  grant: both(30 * day),
  'remembered consent': both(day),
  session: both(day),
  client: both('never'),
  // Thirty seconds until the next one signs, and two hours.
  'signing key': both(7230),
  'linked account': both(180 * day),
}

/** What is not named lives until its own time. */
const others: Readonly<Record<Exclude<Cause, 'time'>, Partial<Record<Thing, Ending>>>> = {
  'access token revoked': { 'opaque access token': atOnce },
  'refresh token revoked': {
    'opaque access token': atOnce,
    'refresh token': atOnce,
    grant: atOnce,
    'remembered consent': atOnce,
  },
  'grant revoked': {
    'authorization code': atOnce,
    'opaque access token': atOnce,
    'refresh token': atOnce,
    grant: atOnce,
    'remembered consent': atOnce,
  },
  'user’s grants revoked': {
    'authorization code': atOnce,
    'opaque access token': atOnce,
    'refresh token': atOnce,
    grant: atOnce,
    'remembered consent': atOnce,
    'linked account': atOnce,
  },
  // As soon as a tool or a refresh asks for the upstream token. A code is redeemed before that.
  'provider ended the sign-in': {
    'opaque access token': atOnce,
    'refresh token': atOnce,
    grant: atOnce,
    'remembered consent': atOnce,
  },
  'account unlinked': { 'linked account': atOnce },
  'client blocked': {
    'authorization code': [0, 60],
    'opaque access token': [0, 60],
    'refresh token': [0, 60],
    'remembered consent': [0, 60],
    client: [0, 60],
  },
  'revokeAll()': {
    'authorization code': [0, 60],
    'JWT access token': [0, 300],
    'cached verdict': [0, 300],
    'opaque access token': [0, 300],
    'refresh token': [0, 300],
    grant: [0, 300],
    'remembered consent': [0, 300],
    session: [0, 300],
    'signing key': [0, 300],
  },
  'signing key rotated': {},
  'client’s document changed': { 'remembered consent': both(3600), client: both(3600) },
  'client’s document gone': {
    'refresh token': both(3600),
    'remembered consent': both(3600),
    client: both(3600),
  },
  // Nothing that the old one sealed can be opened: the server answers 503 until the old one is back, or `revokeAll()` is called.
  'deployment secret replaced': {
    'authorization code': atOnce,
    'JWT access token': atOnce,
    'cached verdict': atOnce,
    'opaque access token': atOnce,
    'refresh token': atOnce,
    grant: atOnce,
    'remembered consent': atOnce,
    session: atOnce,
    'signing key': atOnce,
    'linked account': atOnce,
  },
}

export const endingOf = (thing: Thing, cause: Cause): Ending =>
  (cause === 'time' ? undefined : others[cause][thing]) ?? time[thing]

/** With `checkRevocation: 60`, the guard's verdict about a JWT ends as well; a guard that has not seen the token asks at once. */
export const checked: Readonly<Partial<Record<Cause, Ending>>> = {
  'access token revoked': both(60),
  'refresh token revoked': both(60),
  'grant revoked': both(60),
  'user’s grants revoked': both(60),
  'provider ended the sign-in': both(60),
  'client blocked': [0, 60],
  'deployment secret replaced': atOnce,
}

/** Seconds until an open GET stream is closed, at the isolate of the cause: with plain JWTs, and with `checkRevocation: 60`. */
const streams: Readonly<Partial<Record<Cause, readonly [jwt: number, checked: number]>>> = {
  'access token revoked': [3600, 60],
  'refresh token revoked': [3600, 60],
  'grant revoked': [3600, 60],
  'user’s grants revoked': [3600, 60],
  'provider ended the sign-in': [3600, 60],
  'client blocked': [3600, 30],
  'revokeAll()': [30, 30],
}

export const streamOf = (cause: Cause): readonly [jwt: number, checked: number] =>
  streams[cause] ?? [3600, 3600]
