import { html } from 'hono/html'

import { readForm } from '../../http/body.ts'
import { oneLine } from '../../lib/runtime.ts'
import type { SignInLeg } from '../../types.ts'
import { page, type Html } from '../page/layout.ts'

/** A form of a sign-in: what it asks for, and what was wrong with the one before. */
export interface SignInForm {
  /** Path at which the flow goes on. */
  readonly returnTo: string
  readonly fields: Html
  readonly intro?: Html
  readonly problem?: string | undefined
}

/** A page with one form, which goes to the callback. */
export const signInPage = (
  leg: SignInLeg,
  { returnTo, fields, intro, problem }: SignInForm,
): Promise<Response> =>
  showSignIn(leg, {
    status: problem === undefined ? 200 : 400,
    body: html`${intro ?? ''}
      ${problem === undefined ? '' : html`<p id="problem" class="note bad" role="alert">${problem}</p>`}
      <form method="post" action="${formAction(leg, { return_to: returnTo })}">
        ${fields}
        <div class="actions"><button type="submit" class="primary">Sign in</button></div>
      </form>`,
  })

/** A page that asks the user to sign in. */
export const showSignIn = (
  { callbackUrl, branding }: SignInLeg,
  { body, status = 200 }: { body: Html; status?: number },
): Promise<Response> =>
  page(
    { issuer: new URL(callbackUrl).origin, branding },
    {
      title: 'Sign in',
      status,
      body: html`<h1>Sign in</h1>
        ${body}`,
    },
  )

/**
 * Where the form of a sign-in goes. CSRF: the state counts only in the browser that holds the cookie of this
 * leg.
 */
export const formAction = (
  { callbackUrl, state }: SignInLeg,
  query: Readonly<Record<string, string>>,
): string => `${new URL(callbackUrl).pathname}?${new URLSearchParams({ state, ...query })}`

/** The form that came to the callback, or undefined if the browser asked for the page again. */
export const readSignInForm = async (request: Request): Promise<URLSearchParams | undefined> =>
  request.method === 'POST' ? readForm(request) : undefined

/** Path of the URL at which the flow goes on. */
export function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

/** Path that the form carries; `ownReturnPath` judges it before the server redirects there. */
export const returnToOf = ({ url }: Request): string => new URL(url).searchParams.get('return_to') ?? ''

/** A name that a user types, on one line. */
export const typedName = (text: string | null | undefined, length: number): string =>
  oneLine(text ?? '', length).trim()
