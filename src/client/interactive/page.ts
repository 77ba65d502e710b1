import { isOAuthError, OAuthError } from '../../errors.ts'
import type { ClientContext } from '../context.ts'
import type { Authorized } from '../types.ts'

/** What the browser is shown after an approval: the answer of `onAuthorized`, else a page. */
export async function answerSuccess({ options }: ClientContext, authorized: Authorized): Promise<Response> {
  const answer = await options.onAuthorized?.(authorized)
  return answer ?? successPage()
}

export const successPage = (): Response =>
  page(200, 'Signed in', 'You can close this window and return to the application.')

/**
 * What the browser is shown after a failure: the answer of `onError`, else a page. Nothing that was received
 * is repeated: a crafted link must not put its text on the page.
 */
export async function answerFailure({ options, runtime }: ClientContext, error: unknown): Promise<Response> {
  const known: Partial<OAuthError> = isOAuthError(error) ? error : {}
  runtime.event({
    type: 'client.authorization-failed',
    level: 'warning',
    error: codeOf(error),
    detail: known.message,
    expected: known.expected,
    received: known.received,
  })
  try {
    return (await options.onError?.(error, { where: 'authorization' })) ?? failurePage()
  } catch {
    // The application's last resort failed: the browser gets a page all the same.
    return failurePage()
  }
}

/** Redirects the browser. The address may carry a `state`, which no other site may see. */
export const redirectTo = (location: string): Response =>
  new Response(null, {
    status: 303,
    headers: { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
  })

export const failurePage = (): Response =>
  page(400, 'Not signed in', 'The authorization did not succeed. Return to the application and try again.')

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'error'

const style =
  'body{font:16px/1.5 system-ui;margin:20vh auto;max-width:30rem;padding:0 1rem;color-scheme:light dark}'

function page(status: number, title: string, text: string): Response {
  const html =
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${style}</style>` +
    `<main><h1>${title}</h1><p>${text}</p></main></html>`
  return new Response(html, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    },
  })
}
