import { OAuthError } from '../errors.ts'
import { concat, fromUtf8 } from '../lib/bytes.ts'
import { parseJson } from '../lib/json.ts'

/**
 * The body as text. Rejects with `invalid_request`: 413 above the limit in bytes, 400 if it ends early or
 * is not UTF-8. It is read to its end, because another reader may wait for the end; with `lastReader`, until
 * all that was announced has come.
 */
export async function readText(
  request: Pick<Request, 'headers' | 'body'>,
  limit: number,
  lastReader?: boolean,
): Promise<string> {
  const declared = Number(request.headers.get('content-length') ?? Number.NaN)
  if (declared > limit) throw tooLarge()
  if (request.body === null) return ''
  const reader = (request.body as ReadableStream<Uint8Array>).getReader()
  // What is encoded has another length than it says.
  const expected = lastReader && !request.headers.has('content-encoding') ? declared : Number.NaN
  const bytes = await readBytes(reader, limit, expected)
  try {
    return fromUtf8(bytes)
  } catch {
    throw notUtf8()
  }
}

/**
 * The parameters of a form body (OAuth 2.1 §3.2.2), for an endpoint that answers it. Anything but
 * `application/x-www-form-urlencoded` is `invalid_request`.
 */
export async function readForm(request: Request, limit = 16_384): Promise<URLSearchParams> {
  if (mediaType(request) !== 'application/x-www-form-urlencoded') {
    throw new OAuthError('invalid_request', 'Send application/x-www-form-urlencoded')
  }
  const text = await readText(request, limit, true)
  const parameters = new URLSearchParams(text)
  // Percent-encoded bytes may be no UTF-8 either; the parser writes this in their place, and no parameter
  // has it honestly.
  if (/%[89a-f]/i.test(text) && [...parameters].flat().join().includes('\ufffd')) throw notUtf8()
  return parameters
}

/**
 * The value of a JSON body, for an endpoint that answers it. Anything but `application/json` is
 * `invalid_request`, and so is a member that is named twice.
 */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  if (mediaType(request) !== 'application/json')
    throw new OAuthError('invalid_request', 'Send the body as application/json')
  const text = await readText(request, limit, true)
  try {
    return parseJson(text)
  } catch {
    throw new OAuthError('invalid_request', 'The body is not JSON, or it names a member twice')
  }
}

async function readBytes(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limit: number,
  expected: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new OAuthError('invalid_request', 'The body broke off')
    })
    if (done) return chunks.length === 1 ? chunks[0]! : concat(...chunks)
    size += value.length
    if (size > limit) {
      // Not awaited: of a cloned body it settles only when the other copy is cancelled, too.
      reader.cancel().catch(() => undefined)
      throw tooLarge()
    }
    chunks.push(value)
    // All that was announced came at once. To wait for the end as well takes as long as to read the body.
    if (value.length === expected) return value
  }
}

const notUtf8 = (): OAuthError => new OAuthError('invalid_request', 'The body is not UTF-8')

const tooLarge = (): OAuthError => new OAuthError('invalid_request', 'The body is too large', { status: 413 })

const mediaType = (request: Request): string =>
  (request.headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
