import { OAuthError } from '../../errors.ts'
import type { ClientContext } from '../context.ts'
import type { Authorized } from '../options.ts'

/** What the browser is shown after an approval: the host's answer, else a page. */
export async function answerSuccess({ options }: ClientContext, authorized: Authorized): Promise<Response> {
  const answer = await options.onAuthorized?.(authorized)
  return answer ?? successPage()
}

export const successPage = (): Response =>
  page(200, 'Signed in', 'You can close this window and return to the application.')

/** What the browser is shown after a failure. Nothing of what was sent is repeated. */
export async function answerFailure({ options, runtime }: ClientContext, error: unknown): Promise<Response> {
  const known: Partial<OAuthError> = error instanceof OAuthError ? error : {}
  runtime.event({
    type: 'client.authorization-failed',
    level: 'warning',
    error: nameOf(error),
    detail: known.message,
    expected: known.expected,
    received: known.received,
  })
  const answer = await options.onError?.(error, { where: 'authorization' })
  return answer ?? failurePage()
}

/** Sends the browser on. The address may carry a `state`, which no other site has to know. */
export const sendTo = (location: string): Response =>
  new Response(null, {
    status: 303,
    headers: { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
  })

export const failurePage = (): Response =>
  page(400, 'Not signed in', 'The authorization did not succeed. Return to the application and try again.')

const nameOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'error'

function page(status: number, title: string, text: string): Response {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><meta name="viewport" content="width=device-width"><style>body{font:16px/1.5 system-ui;margin:20vh auto;max-width:30rem;padding:0 1rem;color-scheme:light dark}</style><main><h1>${title}</h1><p>${text}</p></main></html>`
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
