// A web of client documents: what each URL answers, and every request that was made.
import { requestUrl } from './pages.ts'

export const documentId = 'https://c.test/client.json'

export const document = (more: Record<string, unknown> = {}, id = documentId): Record<string, unknown> => ({
  client_id: id,
  client_name: 'Document client',
  redirect_uris: ['https://c.test/cb', 'http://127.0.0.1:3000/cb'],
  token_endpoint_auth_method: 'none',
  ...more,
})

type Answer = (request: Request) => Response | Promise<Response>

export class Web {
  readonly requests: Request[] = []
  readonly #answers = new Map<string, Answer>()

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    this.requests.push(request)
    const answer = this.#answers.get(request.url)
    if (answer === undefined) throw new TypeError('fetch failed')
    return answer(request)
  }

  /** A function is asked each time; anything else is a document. */
  serve(url: string, answer: Answer | object, headers: Record<string, string> = {}): void {
    const fixed = typeof answer === 'function' ? (answer as Answer) : () => Response.json(answer, { headers })
    this.#answers.set(url, fixed)
  }

  get urls(): string[] {
    return this.requests.map(({ url }) => url)
  }
}

/** The address of an authorization request by a document's client. */
export const documentRequest = (
  id = documentId,
  more: Record<string, string | undefined> = {},
): Promise<string> => requestUrl({ client_id: id, redirect_uri: 'https://c.test/cb', ...more })
