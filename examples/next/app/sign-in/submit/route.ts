import { callAuth, goTo, isOurs, pageOfThisSite } from '../../forms.ts'

export async function POST(request: Request): Promise<Response> {
  if (!isOurs(request)) return new Response('This form is on another site.', { status: 403 })
  const form = await request.formData()
  const text = (name: string): string => String(form.get(name) ?? '')
  const action = text('action') === 'sign-up' ? 'sign-up' : 'sign-in'
  const credentials = { email: text('email'), password: text('password'), name: text('email') }
  // Session fixation: better-auth makes a new session, whatever cookie the browser brings.
  const answer = await callAuth(request, `/${action}/email`, credentials)
  if (answer.ok) return goTo(pageOfThisSite(text('return_to')), answer)
  const again = new URL('/sign-in', request.url)
  again.searchParams.set('return_to', text('return_to'))
  again.searchParams.set('problem', answer.status === 429 ? 'later' : action)
  return goTo(pageOfThisSite(again.pathname + again.search))
}
