import { html } from 'hono/html'

import { func, readOptions, text } from '../../lib/options.ts'
import type { Awaitable, Identity, SignIn, SignInLeg } from '../../types.ts'
import { describedBy } from '../page/layout.ts'
import { cleanText } from '../page/text.ts'
import { pathOf, readSignInForm, returnToOf, signInPage } from './form.ts'

/** Options of {@link keySignIn}. */
export interface KeySignInOptions {
  /**
   * Returns whose key this is; `null` or `undefined`: the key is not valid. The body of the request is
   * already read. Compare hashes of keys, not keys (timing). What it throws ends in `onError`: keep the key
   * out of it.
   */
  verify: (key: string, request: Request) => Awaitable<Identity | null | undefined>
  /** What users call such a key: 1 to 40 characters. Default: `API key`. */
  label?: string
}

const maxKey = 4096

/**
 * Signs in a user who pastes an API key, with a page and a session of this server. Attempts are limited by
 * caller (`rateLimit`) before `verify` runs. The key is passed to `verify` and stored nowhere.
 *
 * @throws ConfigurationError if an option is wrong, missing or unknown.
 *
 * @example
 * const signIn = keySignIn({ label: 'Notes API key', verify: (key) => ownerOfKey(key) })
 */
export function keySignIn(options: KeySignInOptions): SignIn {
  const { verify, label } = readOptions('keySignIn', options, {
    verify: func().required,
    label: text('1 to 40 characters', /^.{1,40}$/s).default('API key'),
  })
  const shown = cleanText(label!, 40)
  return {
    consent: 'after',
    name: `your ${shown}`,
    identify: () => undefined,
    start: (_request, { returnTo, leg }) => keyPage(leg, { returnTo: pathOf(returnTo), label: shown }),
    async finish(request, leg) {
      const form = await readSignInForm(request)
      const view = { returnTo: returnToOf(request), label: shown }
      if (form === undefined) return keyPage(leg, view)
      const key = (form.get('key') ?? '').trim()
      if (key === '') return keyPage(leg, { ...view, problem: `Paste your ${shown}.` })
      // Brute force: the attempt is counted before the key is looked up.
      await leg.attempt()
      const identity = key.length > maxKey ? undefined : await verify(key, request)
      if (identity) return { authTime: leg.now, ...identity }
      return keyPage(leg, { ...view, problem: `This ${shown} is not valid.` })
    },
  }
}

function keyPage(
  leg: SignInLeg,
  { returnTo, label, problem }: { returnTo: string; label: string; problem?: string },
): Promise<Response> {
  return signInPage(leg, {
    returnTo,
    problem,
    fields: html`<fieldset>
      <label for="key"><strong>${label}</strong></label>
      <input
        type="password"
        id="key"
        name="key"
        required
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        ${describedBy(problem !== undefined)}
      />
    </fieldset>`,
  })
}
