// What must be the same behind every host. An adapter's own test file serves `adapterApp` and runs this.
import { connect } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/runtime-port.ts'
import { issuer } from './suite-app.ts'

export { freePort }

/** Serves `adapterApp(url, keys)` at exactly this URL. */
export type Start = (url: string, keys: { keys: object[] }) => Promise<{ close(): Promise<void> | void }>

export interface HostFacts {
  /** The adapter makes the Request, so what the handler gets has no `Authorization` (G39). */
  strips?: boolean
  /** The host tells a handler that its client has gone. Default true. */
  aborts?: boolean
  /** The host takes the rest of a body that nobody reads, instead of closing the connection. Default true. */
  drains?: boolean
  /** The host answers methods that it does not know, instead of closing the connection. Default true. */
  unknownMethods?: boolean
  /** Requests whose `Host` is no host reach the adapter. Default true. */
  malformedHosts?: boolean
  /** The host closes the connection of an upload that is not read, which a client may notice before the answer. Default false. */
  closesUploads?: boolean
  /** The host writes the query anew (Next: `+` for `%20`). Default false. */
  rewritesQuery?: boolean
}

export function adapterSuite(name: string, start: Start, facts: HostFacts = {}): void {
  describe(name, () => {
    let url = ''
    let port = 0
    let host: Awaited<ReturnType<Start>>
    let token: (subject: string, claims?: object) => Promise<string>

    beforeAll(async () => {
      const { publicKey, privateKey } = await generateKeyPair('ES256')
      port = await freePort()
      url = `http://127.0.0.1:${port}`
      token = (subject, claims = {}) =>
        new SignJWT({ scope: 'notes:read', client_id: 'c', ...claims })
          .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })
          .setIssuer(issuer)
          .setSubject(subject)
          .setAudience(`${url}/mcp`)
          .setIssuedAt()
          .setJti(crypto.randomUUID())
          .setExpirationTime('5 min')
          .sign(privateKey)
      host = await start(url, {
        keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }],
      })
    })
    afterAll(() => host?.close())

    const call = async (action: string, init: RequestInit = {}): Promise<Response> => {
      const headers = new Headers(init.headers)
      if (!headers.has('authorization')) headers.set('authorization', `Bearer ${await token('alice')}`)
      return fetch(`${url}/mcp?do=${action}`, { ...init, headers })
    }
    const seen = async (): Promise<{ calls: number; aborted: number; cancelled: number }> =>
      (await call('seen')).json()
    /** Nothing of this may reach the handler. */
    const untouched = async (work: () => Promise<void>): Promise<void> => {
      const { calls } = await seen()
      await work()
      expect((await seen()).calls).toBe(calls)
    }

    test('JSON in, JSON out: method, query, headers and body arrive', async () => {
      const response = await call('echo&x=%2F%20y', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ text: 'ä€𝄞' }),
      })
      expect(response.status).toBe(200)
      const echo = await response.json()
      expect(echo).toMatchObject({
        method: 'POST',
        search: facts.rewritesQuery ? '?do=echo&x=%2F+y' : '?do=echo&x=%2F%20y',
        body: '{"text":"ä€𝄞"}',
        subject: 'alice',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
      })
    })

    if (facts.strips)
      test('G39 the handler sees no Authorization header', async () => {
        const { headers, subject } = await (await call('echo', { method: 'POST', body: 'x' })).json()
        expect(subject).toBe('alice')
        expect(Object.keys(headers)).toContain('host')
        expect(Object.keys(headers)).not.toContain('authorization')
      })

    test('status and headers of the answer arrive, each cookie by itself', async () => {
      const response = await call('cookies')
      expect(response.status).toBe(202)
      expect(response.headers.get('x-one')).toBe('1')
      expect(response.headers.getSetCookie()).toEqual(['a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT', 'b=2'])
    })

    test('an event stream: the first event arrives before the handler ends', async () => {
      const response = await call('events')
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      expect((await reader.read()).value).toBe('data: first\n\n')
      await call('goOn', { method: 'POST' })
      expect((await reader.read()).value).toBe('data: second\n\n')
      expect((await reader.read()).done).toBe(true)
    })

    if (facts.aborts ?? true)
      test('a client that goes away: the handler hears of it', async () => {
        const before = await seen()
        const gone = new AbortController()
        const response = await call('wait', { signal: gone.signal })
        await response.body!.getReader().read()
        gone.abort()
        await expect
          .poll(async () => {
            const now = await seen()
            return [now.cancelled - before.cancelled, now.aborted - before.aborted]
          })
          .toEqual([1, 1])
      })

    test('big bodies: 5 MB in, 5 MB out', async () => {
      const body = new Uint8Array(5_000_000).fill(97)
      expect(await (await call('size', { method: 'POST', body })).json()).toEqual({ size: 5_000_000 })
      expect((await (await call('large')).arrayBuffer()).byteLength).toBe(5_000_000)
    })

    test('a streamed upload of unknown length arrives whole', async () => {
      const part = new Uint8Array(100_000).fill(98)
      let parts = 20
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => (parts-- > 0 ? controller.enqueue(part) : controller.close()),
      })
      const response = await call('size', { method: 'POST', body, duplex: 'half' } as RequestInit)
      expect(await response.json()).toEqual({ size: 2_000_000 })
    })

    test('a handler that throws: 500, and nothing of the reason', async () => {
      const response = await call('fail')
      expect(response.status).toBe(500)
      expect(await response.text()).not.toContain('secret detail')
    })

    test('G1 no token: 401 with the metadata, the handler is not called', () =>
      untouched(async () => {
        const response = await fetch(`${url}/mcp`, { method: 'POST', body: '{}' })
        expect(response.status).toBe(401)
        const challenge = response.headers.get('www-authenticate')!
        expect(challenge).toMatch(/^Bearer /)
        expect(challenge).toContain(`resource_metadata="${url}/.well-known/oauth-protected-resource/mcp"`)
        expect(challenge).toContain('scope="notes:read"')
        expect(challenge).not.toContain('error=')
      }))

    test('a token that is wrong: 401 invalid_token; one without the scope: 403', () =>
      untouched(async () => {
        const wrong = await call('echo', { headers: { authorization: 'Bearer abc' } })
        expect(wrong.status).toBe(401)
        expect(wrong.headers.get('www-authenticate')).toContain('error="invalid_token"')
        const small = await token('alice', { scope: 'other' })
        const narrow = await call('echo', { headers: { authorization: `Bearer ${small}` } })
        expect(narrow.status).toBe(403)
        expect(narrow.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
      }))

    test('G5 two Authorization headers: neither counts', () =>
      untouched(async () => {
        const [alice, bob] = [await token('alice'), await token('bob')]
        for (const pair of [
          [`Bearer ${alice}`, `Bearer ${bob}`],
          [`Bearer ${alice}`, 'Bearer garbage'],
          ['Basic eDp5', `Bearer ${alice}`],
          [`Bearer ${alice}`, 'Basic eDp5'],
        ]) {
          const answer = await raw(port, [
            'GET /mcp?do=echo HTTP/1.1',
            ...pair.map((value) => `Authorization: ${value}`),
          ])
          expect(answer.status).toBe(400)
          expect(answer.text).toContain('invalid_request')
        }
        const joined = await raw(port, ['GET /mcp HTTP/1.1', `Authorization: Bearer ${alice}, Bearer ${bob}`])
        expect(joined.status).toBe(400)
      }))

    test('G6 a token in the query counts for nothing', () =>
      untouched(async () => {
        const response = await fetch(`${url}/mcp?do=echo&access_token=${await token('alice')}`)
        expect(response.status).toBe(401)
        expect(response.headers.get('www-authenticate')).not.toContain('access_token')
      }))

    test('G31 no method gets past the guard; a preflight is answered without it', () =>
      untouched(async () => {
        const unknown = (facts.unknownMethods ?? true) ? ['FOO'] : []
        for (const method of ['GET', 'HEAD', 'DELETE', 'PUT', 'PATCH', ...unknown]) {
          const response = await fetch(`${url}/mcp`, {
            method,
            headers: { 'x-http-method-override': 'OPTIONS' },
          })
          expect([method, [400, 401, 404, 405, 501].includes(response.status)]).toEqual([method, true])
        }
        const preflight = await fetch(`${url}/mcp`, {
          method: 'OPTIONS',
          headers: {
            origin: 'http://localhost:6274',
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization,content-type,mcp-protocol-version,traceparent',
          },
        })
        expect(preflight.status).toBe(204)
        expect(preflight.headers.get('access-control-allow-origin')).toBe('http://localhost:6274')
        for (const name of ['mcp-protocol-version', 'traceparent'])
          expect(preflight.headers.get('access-control-allow-headers')).toContain(name)
      }))

    test('G32 no spelling of the path gets past the guard', () =>
      untouched(async () => {
        for (const path of [
          '/mcp/',
          '//mcp',
          '/%6Dcp',
          '/mcp%2f',
          '/mcp;x',
          '/x/../mcp',
          '/MCP',
          '/mcp.rsc',
          '/%2e%2e/mcp',
          '/./mcp',
          '\\mcp',
          '/mcp#x',
          '/mcp?',
          `${url}/mcp`,
          'http://evil.example/mcp',
        ]) {
          const { status } = await raw(port, [`GET ${path} HTTP/1.1`])
          expect([path, [400, 401, 404, 421, 307, 308].includes(status)]).toEqual([path, true])
        }
      }))

    test('G34 neither Host nor a forwarded header moves the metadata', () =>
      untouched(async () => {
        for (const lines of [
          ['Host: evil.example'],
          [`Host: 127.0.0.1:${port}`, 'X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: https'],
          [`Host: 127.0.0.1:${port}`, 'Forwarded: host=evil.example;proto=https'],
          ...((facts.malformedHosts ?? true) ? [['Host: a"b'], ['Host: 127.0.0.1/foo?']] : []),
        ]) {
          const { status, text } = await raw(port, ['GET /mcp HTTP/1.1', ...lines])
          expect([lines[0], status]).toEqual([
            lines[0],
            expect.toSatisfy((code) => [400, 401, 403, 404, 421].includes(code)),
          ])
          expect(text).not.toContain('evil.example')
        }
      }))

    if (facts.malformedHosts ?? true)
      test('T20 two Host headers are refused, whichever comes first', () =>
        untouched(async () => {
          const authorization = `Authorization: Bearer ${await token('alice')}`
          for (const hosts of [
            ['127.0.0.1', 'evil.example'],
            ['evil.example', '127.0.0.1'],
            ['127.0.0.1', '127.0.0.1'],
          ]) {
            const lines = hosts.map((name) => `Host: ${name}:${port}`)
            const { status } = await raw(port, ['GET /mcp?do=echo HTTP/1.1', ...lines, authorization])
            expect([hosts, status]).toEqual([hosts, expect.toSatisfy((code) => [400, 421].includes(code))])
          }
        }))

    test('PR4 metadata: GET, HEAD, 405 with Allow', async () => {
      const at = `${url}/.well-known/oauth-protected-resource/mcp`
      const response = await fetch(at, { headers: { origin: 'http://localhost:6274' } })
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toContain('application/json')
      expect(response.headers.get('access-control-allow-origin')).not.toBeNull()
      expect(await response.json()).toMatchObject({ resource: `${url}/mcp`, authorization_servers: [issuer] })
      const head = await fetch(at, { method: 'HEAD' })
      expect([head.status, await head.text()]).toEqual([200, ''])
      const post = await fetch(at, { method: 'POST', body: 'x' })
      expect([post.status, post.headers.get('allow')?.includes('GET')]).toEqual([405, true])
    })

    test('HT1 an answer to another origin names it, and exposes the challenge', async () => {
      const response = await fetch(`${url}/mcp`, { headers: { origin: 'http://localhost:6274' } })
      expect(response.status).toBe(401)
      expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:6274')
      expect(response.headers.get('access-control-expose-headers')).toMatch(/www-authenticate/i)
      const allowed = await call('echo', { headers: { origin: 'http://localhost:6274' } })
      expect(allowed.headers.get('access-control-allow-origin')).toBe('http://localhost:6274')
      expect(allowed.headers.get('access-control-allow-credentials')).toBeNull()
    })

    test('HT5 neither a refusal nor an answer to a token may be kept by a shared cache', async () => {
      const refusal = await fetch(`${url}/mcp`)
      expect(refusal.headers.get('cache-control')).toMatch(/no-store|private/)
      expect((await call('echo')).headers.get('cache-control')).toMatch(/no-store|private/)
    })

    test('HEAD: the headers, no body, and the connection goes on', async () => {
      const response = await call('echo', { method: 'HEAD' })
      expect([response.status, await response.text()]).toEqual([200, ''])
      expect((await call('echo')).status).toBe(200)
    })

    if (facts.drains ?? true)
      test('a body that nobody reads to its end: the next request is answered', async () => {
        const body = new Uint8Array(1_000_000)
        const unread = fetch(`${url}/mcp`, { method: 'POST', body }).then(({ status }) => status)
        const closed = (error: unknown): 'closed' => {
          if (facts.closesUploads === true) return 'closed'
          throw error
        }
        expect(await unread.catch(closed)).toBeOneOf([401, 'closed'])
        const partly = call('upload', { method: 'POST', body }).then((response) => response.json())
        expect(await partly.catch(closed)).toBeOneOf([{ first: expect.toSatisfy((n) => n > 0) }, 'closed'])
        expect((await call('echo')).status).toBe(200)
      })
  })
}

/** A request as bytes, for what fetch would not send. */
export async function raw(port: number, lines: readonly string[]): Promise<{ status: number; text: string }> {
  const host = lines.some((line) => /^host:/i.test(line)) ? [] : [`Host: 127.0.0.1:${port}`]
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('end', () => resolve(answer))
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)))
    socket.write([...lines, ...host, 'Connection: close', '', ''].join('\r\n'))
  })
  return { status: Number(text.split(' ')[1]), text }
}
