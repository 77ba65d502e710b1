// Plays a real client from its data: the same requests, in the same order, against the server as it stands.
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT } from 'jose/jwt/sign'
import { expect } from 'vitest'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { createResourceServer } from '../../src/index.ts'
import { randomToken } from '../../src/lib/random.ts'
import { s256 } from '../../src/protocol/pkce.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import type { ClientIdentity, RealClient } from '../authorization-server/clients/client.ts'
import { ok, payload, Rig, type Tokens } from './as.ts'
import { Browser, cookieLogin, unescape, type Shown } from './pages.ts'
import { Web } from './client-documents.ts'

const origin = 'https://mcp.test'
const resource = `${origin}/mcp`

interface Metadata {
  issuer: string
  authorization_endpoint: string
  token_endpoint: string
  registration_endpoint: string
  revocation_endpoint: string
  scopes_supported?: string[]
  token_endpoint_auth_methods_supported: string[]
}

/** A server with two scopes, one per tool, and one client in front of it. */
export class RealClientRun {
  readonly web = new Web()
  readonly rig: Rig
  readonly #client: RealClient
  readonly #keys = generateKeyPair('RS256')
  readonly #browser: Browser
  readonly #protect: (request: Request) => Promise<Response>
  #metadata!: Metadata
  #scopes: string | undefined
  #resource: string | undefined
  #id = ''
  #secret = ''

  constructor(client: RealClient, options: Partial<AuthorizationServerOptions> = {}) {
    this.#client = client
    this.rig = new Rig({
      issuer: origin,
      signIn: cookieLogin(),
      resources: {
        [resource]: { scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' } },
      },
      fetch: this.web.fetch,
      checkRevocation: 0,
      ...options,
    })
    this.#browser = new Browser(this.rig)
    this.#browser.cookies.set('user', 'alice')
    this.#protect = createResourceServer({
      resource,
      authorizationServers: [this.rig.as],
      clock: () => this.rig.now,
    }).protect(() => Response.json({ jsonrpc: '2.0', id: 1, result: {} }), {
      operations: operationScopes({
        'tools/call': { list_notes: ['notes:read'], write_note: ['notes:write'] },
      }),
    })
  }

  /** The host: its authorization server, and the guarded MCP endpoint. */
  async #host(request: Request): Promise<Response> {
    return (await this.rig.as.handle(request.clone())) ?? this.#protect(request)
  }

  /** A tool call, as the client's revision makes it. */
  call(tool: string, token?: string): Promise<Response> {
    return this.#host(
      new Request(resource, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': this.#client.revision,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: tool, arguments: {} },
        }),
      }),
    )
  }

  /** From the 401 to the metadata of the authorization server. */
  async discover(): Promise<void> {
    const refused = await this.call('list_notes')
    expect(refused.status).toBe(401)
    const challenge = refused.headers.get('www-authenticate')!
    const { discovery, authorize } = this.#client
    let issuer = origin
    let offered: string[] | undefined
    if (discovery !== 'authorization-server') {
      const url =
        discovery === 'challenge'
          ? parameter(challenge, 'resource_metadata')!
          : `${origin}/.well-known/oauth-protected-resource/mcp`
      const document = (await this.#json(url)) as {
        resource: string
        authorization_servers: string[]
        scopes_supported?: string[]
      }
      expect(document.resource).toBe(resource)
      this.#resource = document.resource
      offered = document.scopes_supported
      issuer = document.authorization_servers[0]!
    }
    this.#metadata = (await this.#json(`${issuer}/.well-known/oauth-authorization-server`)) as Metadata
    expect(this.#metadata.issuer).toBe(issuer)
    const asked = {
      challenge: parameter(challenge, 'scope'),
      metadata: offered?.join(' '),
      none: undefined,
    }[authorize.scope]
    this.#scopes = authorize.offlineAccess === true && asked !== undefined ? `${asked} offline_access` : asked
  }

  async identify(identity: ClientIdentity): Promise<void> {
    if ('document' in identity) {
      const { document } = identity
      this.#id = document.client_id
      this.web.serve(document.client_id, document)
      if (typeof document['jwks_uri'] === 'string') {
        const { publicKey } = await this.#keys
        this.web.serve(document['jwks_uri'], {
          keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }],
        })
      }
      return
    }
    const response = await this.#host(
      new Request(this.#metadata.registration_endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(identity.registration),
      }),
    )
    const body = (await response.json()) as Record<string, unknown>
    expect(response.status, JSON.stringify(body)).toBe(201)
    expect(body['redirect_uris']).toEqual(identity.registration['redirect_uris'])
    expect(body['grant_types']).toEqual(
      identity.registration['grant_types'] === undefined
        ? ['authorization_code', 'refresh_token']
        : (identity.registration['grant_types'] as string[]).filter((each) => !each.includes('device_code')),
    )
    this.#id = body['client_id'] as string
    this.#secret = (body['client_secret'] as string | undefined) ?? ''
  }

  /** The user signs in and allows what `allowed` says, or all that is asked. */
  async authorize(allowed?: readonly string[], scopes: string | undefined = this.#scopes): Promise<Tokens> {
    const verifier = randomToken(40)
    const state = randomToken()
    const { authorize, redirectUri } = this.#client
    const query = defined({
      response_type: 'code',
      client_id: this.#id,
      redirect_uri: redirectUri,
      state,
      code_challenge: await s256(verifier),
      code_challenge_method: 'S256',
      scope: scopes,
      prompt: authorize.prompt,
      resource: authorize.resource ? this.#resource : undefined,
    })
    const page = await this.#browser.get(`${this.#metadata.authorization_endpoint}?${query}`)
    expect(page.status, page.text).toBe(200)
    const answer = await this.#approve(page, allowed)
    expect(answer.status, answer.text).toBe(303)
    const location = answer.headers.get('location')!
    expect(location.split('?')[0]).toBe(redirectUri)
    const parameters = new URLSearchParams(location.slice(location.indexOf('?')))
    expect([parameters.get('state'), parameters.get('iss'), parameters.get('error')]).toEqual([
      state,
      origin,
      null,
    ])
    return ok(
      await this.#token({
        grant_type: 'authorization_code',
        code: parameters.get('code')!,
        code_verifier: verifier,
        redirect_uri: redirectUri,
      }),
    )
  }

  refresh(token: string): Promise<Response> {
    return this.#token({ grant_type: 'refresh_token', refresh_token: token })
  }

  revoke(token: string): Promise<Response> {
    return this.#send(this.#metadata.revocation_endpoint, { token })
  }

  /** What it asks for after a 403. */
  afterChallenge(refused: Response, has: string): string {
    expect([refused.status, parameter(refused.headers.get('www-authenticate')!, 'error')]).toEqual([
      403,
      'insufficient_scope',
    ])
    const needed = parameter(refused.headers.get('www-authenticate')!, 'scope')!
    return this.#client.stepUp === 'union' ? [...new Set(`${has} ${needed}`.split(' '))].join(' ') : needed
  }

  #token(form: Record<string, string>): Promise<Response> {
    return this.#send(this.#metadata.token_endpoint, {
      ...form,
      ...(this.#client.authorize.resource ? { resource: this.#resource! } : {}),
    })
  }

  async #send(url: string, form: Record<string, string>): Promise<Response> {
    const { authentication } = this.#client
    const body = new URLSearchParams(form)
    const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' }
    if (authentication === 'raw basic')
      headers['authorization'] = `Basic ${btoa(`${this.#id}:${this.#secret}`)}`
    else body.set('client_id', this.#id)
    if (authentication === 'client_secret_post') body.set('client_secret', this.#secret)
    if (authentication === 'private_key_jwt') {
      expect(this.#metadata.token_endpoint_auth_methods_supported).toContain('private_key_jwt')
      body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      body.set('client_assertion', await this.#assertion())
    }
    return this.#host(new Request(url, { method: 'POST', headers, body: body.toString() }))
  }

  async #assertion(): Promise<string> {
    const { privateKey } = await this.#keys
    return new SignJWT({
      iss: this.#id,
      sub: this.#id,
      aud: this.#metadata.issuer,
      jti: randomToken(),
      iat: this.rig.now,
      exp: this.rig.now + 60,
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .sign(privateKey)
  }

  /** As a browser submits it: hidden fields, and the boxes that the user leaves ticked. */
  #approve(page: Shown, allowed: readonly string[] | undefined): Promise<Shown> {
    const [, action, inner] = /<form method="post" action="([^"]*)">([\s\S]*?)<\/form>/.exec(page.text)!
    const body = new URLSearchParams()
    for (const [input] of inner!.matchAll(/<input\b[^>]*>/g)) {
      const [name, value] = [attribute(input, 'name'), attribute(input, 'value') ?? '']
      if (name === undefined) continue
      const box = attribute(input, 'type') === 'checkbox'
      if (!box || allowed === undefined || allowed.includes(value)) body.append(name, value)
    }
    body.set('decision', 'approve')
    return this.#browser.post(unescape(action!), body)
  }

  async #json(url: string): Promise<unknown> {
    const response = await this.#host(
      new Request(url, { headers: { 'mcp-protocol-version': this.#client.revision } }),
    )
    expect([url, response.status]).toEqual([url, 200])
    return response.json()
  }
}

const attribute = (tag: string, name: string): string | undefined => {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]
  return value === undefined ? undefined : unescape(value)
}

/** As the official SDK reads a challenge. */
const parameter = (challenge: string, name: string): string | undefined =>
  new RegExp(`${name}="([^"]+)"`).exec(challenge)?.[1]

const defined = (query: Record<string, string | undefined>): URLSearchParams =>
  new URLSearchParams(Object.entries(query).filter((each): each is [string, string] => each[1] !== undefined))

/** The scopes of a token. */
export const scopesOf = (tokens: Tokens): string[] =>
  String(payload(tokens.access_token)['scope']).split(' ').sort()
