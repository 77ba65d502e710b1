import { OAuthError } from '../../errors.ts'
import { failurePage, successPage } from '../interactive/page.ts'
import type { AuthorizationRequest, Redirect } from '../types.ts'

/**
 * Shows the authorization page. `arrived` settles with the URL at which the browser arrived with the `state`
 * that was sent, or with `authorization_timeout`.
 */
export async function openPage(
  redirect: Redirect,
  url: URL,
  request: AuthorizationRequest,
  timeout: number,
): Promise<{ arrived: Promise<URL> }> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let arrive!: (url: URL) => void
  const arrived = new Promise<URL>((resolve, reject) => {
    arrive = resolve
    const error = new OAuthError('authorization_timeout', 'The user did not approve in time')
    timer = setTimeout(() => reject(error), timeout * 1000)
  })
  const { close } = await redirect.listen(
    async (request) => {
      const callback = new URL(request.url)
      // CSRF: any page can send a browser to a loopback port.
      if (callback.searchParams.get('state') !== url.searchParams.get('state')) return failurePage()
      arrive(callback)
      return successPage()
    },
    { preferred: redirect.uri },
  )
  const end = async (): Promise<void> => {
    clearTimeout(timer)
    await close()
  }
  try {
    const pasted = await redirect.open(url, request)
    if (pasted !== undefined) arrive(new URL(pasted))
  } catch (error) {
    await end()
    throw error
  }
  return { arrived: arrived.finally(end) }
}
