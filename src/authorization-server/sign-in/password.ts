import { html } from 'hono/html'

import { defined } from '../../lib/defined.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { isJsonObject } from '../../lib/json.ts'
import {
  custom,
  flag,
  matching,
  object,
  optionError,
  readOptions,
  record,
  secretError,
  strings,
  text,
  type Option,
} from '../../lib/options.ts'
import type { Identity, SignIn, SignInLeg } from '../../types.ts'
import { describedBy } from '../page/layout.ts'
import { pathOf, readSignInForm, returnToOf, signInPage, typedName } from './form.ts'
import {
  derive,
  fewestIterations,
  parsePasswordHash,
  standardIterations,
  type PasswordHash,
} from './password-hash.ts'

export { hashPassword, type HashPasswordOptions } from './password-hash.ts'

/** A user who signs in with a password. */
export interface PasswordUser {
  /** A PHC string with PBKDF2-SHA-256, as `hashPassword` makes it; at least 600 000 iterations. */
  hash: string
  /** What a person recognises the account by. Default: the user name. */
  name?: string
  /** The most that this user may grant. Default: everything. */
  scopes?: readonly string[]
  /** Travels with the grant; what the handler gets as `auth.props`. JSON. Default: none. */
  props?: unknown
}

/** Options of {@link passwordSignIn}. */
export interface PasswordSignInOptions {
  /** By user name, which is the subject: 1 to 100 characters. At least one user. */
  users: Readonly<Record<string, PasswordUser>>
  /**
   * Accepts hashes from 100 000 iterations on. Cloudflare Workers refuse more than 100 000, a sixth of what
   * OWASP recommends: a stolen hash is guessed six times as fast. Use it only with long generated passwords.
   * Default: false.
   */
  dangerouslyFewIterations?: boolean
}

interface User extends Omit<PasswordUser, 'hash'> {
  readonly hash: PasswordHash
}

const maxName = 100

/**
 * Signs in one owner or a small team by user name and password, with a page and a session of this server.
 * Attempts are limited by caller and by user (`rateLimit`) before a password is hashed; an unknown user takes
 * as long as a known one. Stores nothing.
 *
 * @throws ConfigurationError if an option is wrong, missing or unknown. No message shows a hash. If the
 *   runtime refuses the iterations of a hash, the first sign-in answers 500 and `onError` gets a
 *   ConfigurationError.
 * @see [NIST SP 800-63B §3.1.1](https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver)
 *
 * @example
 * const signIn = passwordSignIn({ users: { ada: { hash: process.env.ADA_PASSWORD_HASH! } } })
 */
export function passwordSignIn(options: PasswordSignInOptions): SignIn {
  const isWeakened = options?.dangerouslyFewIterations === true
  const fewest = isWeakened ? fewestIterations : standardIterations
  const { users: named } = readOptions('passwordSignIn', options, {
    users: usersRow(fewest),
    dangerouslyFewIterations: flag().default(false),
  })
  const users = new Map<string, User>(
    Object.entries(named).map(([name, { hash, ...user }]) => [
      name,
      { ...defined(user), hash: parsePasswordHash(hash, `users.${name}.hash`, fewest) },
    ]),
  )
  const iterations = Math.max(...[...users.values()].map(({ hash }) => hash.iterations))
  const unknown: PasswordHash = { iterations, salt: new Uint8Array(16), digest: 'A'.repeat(43) }

  /**
   * User enumeration by time: each attempt costs the iterations of the costliest hash, also if the user is
   * unknown or has a cheaper one.
   */
  async function findUser(name: string, password: string): Promise<User | undefined> {
    const user = users.get(name)
    const { salt, digest, ...hash } = user?.hash ?? unknown
    const derived = await derive(password, salt, hash.iterations)
    if (hash.iterations < iterations) await derive(password, salt, iterations - hash.iterations)
    return constantTimeEqual(derived, digest) ? user : undefined
  }

  return {
    consent: 'after',
    name: 'your password',
    ...(isWeakened ? { weakening: 'dangerouslyFewIterations' } : {}),
    // A typing mistake would refuse the user everything.
    check(_issuer, known) {
      for (const [name, { scopes = [] }] of users)
        for (const scope of scopes)
          if (known?.includes(scope) === false)
            throw optionError(`users.${name}.scopes`, `scopes of the resources: ${known.join(', ')}`, scope)
    },
    identify: () => undefined,
    start: (_request, { returnTo, loginHint, leg }) =>
      passwordPage(leg, { returnTo: pathOf(returnTo), name: typedName(loginHint, maxName) }),
    async finish(request, leg) {
      const form = await readSignInForm(request)
      const view = { returnTo: returnToOf(request), name: typedName(form?.get('username'), maxName) }
      if (form === undefined) return passwordPage(leg, view)
      const password = form.get('password') ?? ''
      if (view.name === '' || password === '')
        return passwordPage(leg, { ...view, problem: 'Type your user name and your password.' })
      // Brute force: the attempt is counted before the hash is computed, which is what costs time.
      await leg.attempt(view.name)
      const user = await findUser(view.name, password)
      if (user === undefined)
        return passwordPage(leg, { ...view, problem: 'The user name or the password is wrong.' })
      return { authTime: leg.now, ...identityOf(view.name, user) }
    },
    recheck({ subject }) {
      const user = users.get(subject)
      return user && identityOf(subject, user)
    },
  }
}

function identityOf(subject: string, user: User): Identity {
  const { hash: _, name = subject, ...rest } = user
  return { subject, name, ...rest }
}

/**
 * The users, with names that the form can send and hashes that can be read. What stands in the place of a
 * user may be a hash or a password, so no message shows it.
 */
function usersRow(fewest: number): Option<Readonly<Record<string, PasswordUser>>> {
  const hash = custom('a hash of hashPassword()', (value, name) => {
    parsePasswordHash(value, name, fewest)
    return value as string
  })
  const table = object({
    hash: hash.required,
    name: text(),
    scopes: strings(),
    props: matching<unknown>('JSON', () => true),
  })
  const user: Option<PasswordUser> = (value, name) => {
    if (!isJsonObject(value)) throw secretError(name, 'an object such as { hash, name, scopes }', value)
    return table.required(value, name) as PasswordUser
  }
  const example = "{ ada: { hash: '$pbkdf2-sha256$…' } }"
  return (value, name) => {
    if (!isJsonObject(value) || Object.keys(value).length === 0)
      throw secretError(name, `an object such as ${example}, with one user or more`, value)
    for (const each of Object.keys(value))
      if (each === '' || each !== typedName(each, maxName) || /\p{Cs}/u.test(each))
        throw optionError(`${name}: a user name`, `1 to ${maxName} characters on one line`, each)
    return record(user, example).required(value, name)
  }
}

function passwordPage(
  leg: SignInLeg,
  { returnTo, name, problem }: { returnTo: string; name: string; problem?: string },
): Promise<Response> {
  const about = describedBy(problem !== undefined)
  return signInPage(leg, {
    returnTo,
    problem,
    fields: html`<fieldset>
        <label for="username"><strong>User name</strong></label>
        <input
          type="text"
          id="username"
          name="username"
          value="${name}"
          required
          maxlength="${maxName}"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          ${about}
        />
      </fieldset>
      <fieldset>
        <label for="password"><strong>Password</strong></label>
        <input
          type="password"
          id="password"
          name="password"
          required
          autocomplete="current-password"
          ${about}
        />
      </fieldset>`,
  })
}
