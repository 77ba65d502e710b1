import { html } from 'hono/html'

import type { OAuthError } from '../../errors.ts'
import { PageError } from '../page-error.ts'
import { page, type Html, type Look } from './layout.ts'
import { cleanText } from './text.ts'

/** A link that tells the client; the user decides whether to follow it. */
interface WayBack {
  readonly href: string
  readonly host: string
}

/** The page for an error that must not redirect, or only if the user says so (OAuth 2.1 §7.12.2). */
export function errorPage(look: Look, error: OAuthError, back?: WayBack): Promise<Response> {
  const { title, advice } = explain(error)
  const { code, message, status, retryAfter } = error
  return page(look, {
    title,
    status: status < 400 ? 400 : status,
    headers: retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter)) },
    body: html`<h1>${title}</h1>
      <p>${sentence(cleanText(message, 300))}</p>
      <p>${advice}</p>
      ${back === undefined ? '' : wayBack(back)}
      <p class="soft">Error code: <code>${cleanText(code)}</code></p>`,
  })
}

const wayBack = ({ href, host }: WayBack): Html =>
  html`<div class="to">
      <p class="soft">The way back leads to</p>
      <p class="host"><bdi>${host}</bdi></p>
    </div>
    <div class="actions">
      <a class="button" href="${href}" rel="noreferrer">Go back to the app</a>
    </div>`

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

function explain(error: OAuthError): { title: string; advice: string } {
  if (error instanceof PageError) return error
  if (error.status === 429) return { title: 'Too many attempts', advice: 'Wait a minute, then try again.' }
  if (error.status >= 500)
    return {
      title: 'This does not work right now',
      advice: 'Nothing was shared. Wait a moment, then start again from the app.',
    }
  const [title, advice] = (Object.hasOwn(texts, error.code) ? texts[error.code] : undefined) ?? other
  return { title, advice }
}

type Text = readonly [title: string, advice: string]

const other: Text = [
  'The app sent a request that cannot be answered',
  'Nothing was shared. Go back to the app and try again. If it happens again, tell its developer what ' +
    'is shown here.',
]

const signInFailed: Text = [
  'The sign-in did not work',
  'Nothing was shared. Wait a moment, then start again from the app.',
]

/** Of errors whose status says that the request was wrong. */
const texts: Readonly<Record<string, Text>> = {
  server_error: signInFailed,
  temporarily_unavailable: signInFailed,
  invalid_client: [
    'This app is not known here',
    'Nothing was shared. Remove the connection in the app and add it again, so that it registers anew.',
  ],
  invalid_scope: [
    'The app asks for something that does not exist here',
    'Nothing was shared. Go back to the app; updating it may help. Otherwise tell its developer what ' +
      'is shown here.',
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
