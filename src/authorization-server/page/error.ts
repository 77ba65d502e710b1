import { html } from 'hono/html'

import { OAuthError } from '../../errors.ts'
import { page, shownName, type Look } from './layout.ts'

/** An error that a person reads: what is wrong, and what to do. It never redirects. */
export class PageError extends OAuthError {
  readonly title: string
  readonly advice: string

  constructor(
    code: string,
    { title, problem, advice, status }: { title: string; problem: string; advice: string; status?: number },
  ) {
    super(code, problem, status === undefined ? {} : { status })
    this.title = title
    this.advice = advice
  }
}

/** Where the client is told; the person decides whether to go there. */
export interface WayBack {
  href: string
  /** What the person sees of it. */
  to: string
}

/** The page for an error that must not redirect, or must not do so on its own (OAuth 2.1 §7.12.2). */
export function errorPage(
  look: Look,
  error: OAuthError,
  options: { back?: WayBack } = {},
): Promise<Response> {
  const { title, advice } = explained(error)
  const { back } = options
  return page(look, {
    title,
    status: error.status < 400 ? 400 : error.status,
    ...(error.retryAfter === undefined
      ? {}
      : { headers: { 'retry-after': String(Math.ceil(error.retryAfter)) } }),
    body: html`<h1>${title}</h1>
      <p>${sentence(shownName(error.message, 300))}</p>
      <p>${advice}</p>
      ${
        back === undefined
          ? ''
          : html`<div class="to">
                <p class="soft">The way back leads to</p>
                <p class="host"><bdi>${back.to}</bdi></p>
              </div>
              <div class="actions one">
                <a class="button" href="${back.href}" rel="noreferrer">Go back to the app</a>
              </div>`
      }
      <p class="soft">Error code: <code>${shownName(error.code)}</code></p>`,
  })
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

function explained(error: OAuthError): { title: string; advice: string } {
  if (error instanceof PageError) return error
  if (error.status === 429) return { title: 'Too many attempts', advice: 'Wait a minute, then try again.' }
  if (error.status >= 500)
    return {
      title: 'This does not work right now',
      advice: 'Nothing was shared. Wait a moment, then start again from the app.',
    }
  const known = Object.hasOwn(texts, error.code) ? texts[error.code] : undefined
  return {
    title: known?.[0] ?? 'The app sent a request that cannot be answered',
    advice:
      known?.[1] ??
      'Nothing was shared. Go back to the app and try again; if it happens again, tell its developer what is shown here.',
  }
}

const texts: Readonly<Record<string, readonly [title: string, advice: string]>> = {
  invalid_client: [
    'This app is not known here',
    'Nothing was shared. Remove the connection in the app and add it again, so that it registers anew.',
  ],
  invalid_scope: [
    'The app asks for something that does not exist here',
    'Nothing was shared. Go back to the app; updating it may help. Otherwise tell its developer what is shown here.',
  ],
  invalid_target: [
    'The app asks for a server that is not known here',
    'Nothing was shared. Check the address of the server in the app’s settings.',
  ],
  login_required: [
    'You are not signed in',
    'Go back to the app and connect again; you will then be asked to sign in.',
  ],
  consent_required: [
    'Your consent is needed',
    'Go back to the app and connect again; you will then be asked.',
  ],
  access_denied: [
    'Access was not granted',
    'Nothing was shared. You can start again from the app at any time.',
  ],
}
