import { describe, expect, test } from 'vitest'
import { readForm, readJson, readText } from '../../src/http/body.ts'

const form = 'application/x-www-form-urlencoded'
const post = (body: BodyInit | null, contentType?: string, headers: Record<string, string> = {}): Request => {
  const request = new Request('https://as.test/token?code=evil', { method: 'POST', body })
  request.headers.delete('content-type')
  if (contentType !== undefined) request.headers.set('content-type', contentType)
  for (const [name, value] of Object.entries(headers)) request.headers.set(name, value)
  return request
}
const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    ({ status, code }: { status: number; code: string }) => `${status} ${code}`,
  )
const chunks = (
  parts: readonly Uint8Array<ArrayBuffer>[],
  onPull = (): void => undefined,
): ReadableStream => {
  let next = 0
  return new ReadableStream({
    pull(controller) {
      onPull()
      const part = parts[next++ % parts.length]
      if (next > parts.length && parts.length > 1) controller.close()
      else controller.enqueue(part)
    },
  })
}

describe('TK15 OAuth 2.1 §3.2.2 form bodies', () => {
  test.each([
    form,
    `${form};charset=UTF-8`,
    `${form} ; charset="utf-8"`,
    'APPLICATION/X-WWW-FORM-URLENCODED',
  ])('%s', async (type) => {
    const params = await readForm(post('grant_type=a%20b+c&code=%C3%BC', type))
    expect([...params]).toEqual([
      ['grant_type', 'a b c'],
      ['code', 'ü'],
    ])
  })

  test.each([
    undefined,
    '',
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    `foo/${form}`,
    `text/plain, ${form}`,
    `${form}x`,
  ])('not %s', async (type) =>
    expect(await codeOf(readForm(post('code=x', type)))).toBe('400 invalid_request'),
  )

  test('invalid UTF-8', async () => {
    const body = new Uint8Array([0x61, 0x3d, 0xff, 0xfe])
    expect(await codeOf(readForm(post(body, form)))).toBe('400 invalid_request')
  })

  test.each(['a=%ff%fe', '%c3=x', 'a=%ed%a0%80', 'a=%C0%80', 'a=%zz&b=%ff'])(
    'invalid UTF-8, percent-encoded: %s',
    async (body) => {
      expect(await codeOf(readForm(post(body, form)))).toBe('400 invalid_request')
    },
  )

  test('what is no percent-encoding stays as it is', async () => {
    expect([...(await readForm(post('client_secret=100%&code=%zz', form)))]).toEqual([
      ['client_secret', '100%'],
      ['code', '%zz'],
    ])
  })

  test('a body of 1 MB, announced or not', async () => {
    const body = 'a='.padEnd(1_000_000, 'x')
    expect(await codeOf(readForm(post(body, form)))).toBe('413 invalid_request')
    expect(await codeOf(readForm(post('a=x', form, { 'content-length': '1000000' })))).toBe(
      '413 invalid_request',
    )
    expect(await codeOf(readForm(post(body.slice(0, 16_384), form)))).toBe('accepted')
    expect(await codeOf(readForm(post(body.slice(0, 16_385), form)))).toBe('413 invalid_request')
  })

  test('an empty body has no parameters, and the query is not read', async () => {
    expect([...(await readForm(post(null, form)))]).toEqual([])
    expect([...(await readForm(post('', form)))]).toEqual([])
  })
})

describe('R8 JSON bodies', () => {
  test('application/json alone', async () => {
    expect(await readJson(post('{"a":[1]}', 'application/json; charset=utf-8'), 100)).toEqual({ a: [1] })
    for (const type of [undefined, form, 'text/plain', 'application/jsonx', 'text/json'])
      expect(await codeOf(readJson(post('{}', type), 100)), type).toBe('400 invalid_request')
  })

  test('what is no JSON, or too much', async () => {
    for (const text of ['', '{', '{}x', 'undefined'])
      expect(await codeOf(readJson(post(text, 'application/json'), 100)), text).toBe('400 invalid_request')
    expect(await codeOf(readJson(post(`"${'x'.repeat(99)}"`, 'application/json'), 100))).toBe(
      '413 invalid_request',
    )
  })
})

describe('CD5 limits', () => {
  test('endless chunks: reading stops at the limit', async () => {
    let pulled = 0
    const body = chunks([new Uint8Array(1024)], () => pulled++)
    expect(await codeOf(readText(new Response(body), 10_000))).toBe('413 invalid_request')
    expect(pulled).toBeLessThan(20)
  })

  test('a body that breaks off is no failure of the server', async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(10))
      },
      pull: (controller) => controller.error(new Error('connection reset by secret.test')),
    })
    expect(await codeOf(readText(new Response(body), 100))).toBe('400 invalid_request')
  })

  test('RFC 9112 §6.3 the body ends where Content-Length says, and its end is not waited for', async () => {
    const [a, b] = ['a=1&', 'b=2'].map((each) => new TextEncoder().encode(each)) as [
      Uint8Array<ArrayBuffer>,
      Uint8Array<ArrayBuffer>,
    ]
    const announcing = (length: number, body: ReadableStream): Request => {
      const headers = new Headers({ 'content-length': String(length), 'content-type': form })
      return { headers, body } as Request
    }
    // This stream never closes.
    expect(String(await readForm(announcing(3, chunks([a.subarray(0, 3)])), 100))).toBe('a=1')
    expect(String(await readForm(announcing(7, chunks([a, b])), 100))).toBe('a=1&b=2')
    // A length that is a lie lets nothing more through.
    expect(await codeOf(readForm(announcing(5, chunks([a])), 100))).toBe('413 invalid_request')
  })

  test('a body that another reader may wait for is read to its end', async () => {
    let pulls = 0
    let ended = false
    const body = new ReadableStream(
      {
        pull(controller) {
          if (pulls++ === 0) return controller.enqueue(new TextEncoder().encode('a=1'))
          ended = true
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    expect(await readText({ headers: new Headers({ 'content-length': '3' }), body }, 100)).toBe('a=1')
    expect(ended).toBe(true)
  })

  test('what is encoded has another length than it says, and is read to its end', async () => {
    const [a, b] = ['a=1&', 'b=2'].map((each) => new TextEncoder().encode(each)) as [
      Uint8Array<ArrayBuffer>,
      Uint8Array<ArrayBuffer>,
    ]
    const headers = new Headers({ 'content-length': '4', 'content-encoding': 'gzip' })
    expect(await readText({ headers, body: chunks([a, b]) }, 100)).toBe('a=1&b=2')
  })

  test('a character may be split between chunks', async () => {
    const bytes = new TextEncoder().encode('aü€😀b')
    const body = chunks([...bytes].map((byte) => new Uint8Array([byte])))
    expect(await readText(new Response(body), 100)).toBe('aü€😀b')
  })

  test('the limit counts bytes, not characters', async () => {
    expect(await codeOf(readText(new Response('ü'.repeat(50)), 100))).toBe('accepted')
    expect(await codeOf(readText(new Response('ü'.repeat(51)), 100))).toBe('413 invalid_request')
  })
})
