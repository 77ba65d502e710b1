import { OAuthError } from '../../errors.ts'
import type { AuthorizationRequest, Redirect } from '../options.ts'
import { failurePage, successPage } from '../interactive/page.ts'

/** Shows the page; `back` settles when the browser is there with the state that was sent, or when the time is over. */
export async function visit(
  redirect: Redirect,
  url: URL,
  request: AuthorizationRequest,
  timeout: number,
): Promise<{ back: Promise<URL> }> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let arrive!: (url: URL) => void
  const back = new Promise<URL>((resolve, reject) => {
    arrive = resolve
    const late = new OAuthError('authorization_timeout', 'Nobody approved in time')
    timer = setTimeout(() => reject(late), timeout * 1000)
  })
  const { close } = await redirect.listen(
    async (request) => {
      const here = new URL(request.url)
      if (here.searchParams.get('state') !== url.searchParams.get('state')) return failurePage()
      arrive(here)
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
  return { back: back.finally(end) }
}
