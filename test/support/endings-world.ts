// A world in which everything lives, the causes of an end, and how each thing is asked whether it still lives.
import { expect, vi } from 'vitest'
import {
  createAuthorizationServer,
  type EmbeddedAuthorizationServer,
} from '../../src/authorization-server/index.ts'
import { createContext } from '../../src/authorization-server/create-context.ts'
import { linkedAccounts } from '../../src/authorization-server/link/linked-accounts.ts'
import { writeLink } from '../../src/authorization-server/link/record.ts'
import type { Links } from '../../src/authorization-server/links.ts'
import { createResourceServer } from '../../src/index.ts'
import { answered, ok, RES_A, RES_B, Rig, type Approved, type Tokens } from './as.ts'
import { document, documentId, Web } from './client-documents.ts'
import { day, type Cause, type Thing } from './endings.ts'
import { FakeAccess, FakeProvider } from './links.ts'
import { Browser, FakeUpstream, requestUrl } from './pages.ts'

type Guard = (request: Request) => Promise<Response>
type Issued = Tokens & { grantId: string }

/** One process: its server, and its guards. `warm` has seen the token, `cold` has not. */
interface Isolate {
  readonly as: EmbeddedAuthorizationServer
  readonly links: Links
  readonly cold: Guard
  readonly warm: Guard
  readonly opaque: Guard
  /** A tool that asks for the upstream token. */
  readonly tool: Guard
}

const subject = 'up|alice'
const redirectUri = 'https://c.test/cb'
/** A rotation every two hours, so that a token of an hour can outlive its key's time to sign. */
const keys = { rotateAfter: 7200, publishAhead: 3600 }
const untilRotation = 30

export class EndingsWorld {
  readonly #web = new Web()
  readonly #rig: Rig
  readonly #provider = new FakeAccess('up')
  readonly #upstream = Object.assign(new FakeUpstream(), { upstreams: [this.#provider] })
  readonly #linked = new FakeProvider('git')
  readonly #browser: Browser
  #here: Isolate
  #elsewhere: Isolate
  #code!: Approved
  #jwt!: Issued
  #opaque!: Issued
  #refresh!: Issued
  #kid = ''
  /** Seconds without which the cause is not there yet. */
  #late = 0

  private constructor(checkRevocation: number | false) {
    this.#web.serve(documentId, document())
    const scopes = { 'notes:read': 'Read your notes' }
    this.#rig = new Rig({
      signIn: this.#upstream,
      links: linkedAccounts({ git: this.#linked }),
      fetch: this.#web.fetch,
      keys,
      checkRevocation,
      lifetimes: { rememberedConsent: 30 * day, session: day },
      resources: {
        [RES_A]: { scopes, lifetime: 3600 },
        [RES_B]: { scopes, lifetime: 3600, accessTokens: 'opaque' },
      },
    })
    this.#here = this.#isolate()
    this.#elsewhere = this.#isolate()
    this.#browser = new Browser(this.#rig)
  }

  /** Everything lives, in both isolates, and both know it. */
  static async create(checkRevocation: number | false = false): Promise<EndingsWorld> {
    const world = new EndingsWorld(checkRevocation)
    await world.#begin()
    return world
  }

  #isolate(secret?: string): Isolate {
    const options = { ...this.#rig.options, ...(secret === undefined ? {} : { secret }) }
    const as = createAuthorizationServer(options)
    const guard = (resource: string): Guard =>
      createResourceServer({ resource, authorizationServers: [as], clock: () => this.#rig.now }).protect(
        ({ method }) => (method === 'GET' ? endlessEvents() : new Response('in')),
      )
    const tools = [RES_A, RES_B].map((resource) =>
      createResourceServer({ resource, authorizationServers: [as], clock: () => this.#rig.now }).protect(
        async (_request, auth) => Response.json(await auth.upstream()),
      ),
    )
    const tool: Guard = (request) => tools[request.url === RES_A ? 0 : 1]!(request)
    const links = createContext(options).context.links!
    return { as, links, cold: guard(RES_A), warm: guard(RES_A), opaque: guard(RES_B), tool }
  }

  async #begin(): Promise<void> {
    const rig = this.#rig
    // A key ring whose next key is about to sign.
    await this.#publishedKeys(this.#here)
    rig.now += keys.publishAhead + 1
    await this.#publishedKeys(this.#here)
    rig.now += keys.rotateAfter - keys.publishAhead - untilRotation
    await this.#publishedKeys(this.#elsewhere)
    await this.#signIn()
    const upstream = { accessToken: 'at', refreshToken: 'rt', issuer: this.#provider.issuer }
    const options = { subject, scopes: ['notes:read'], redirectUri, upstream }
    const issue = async (resource: string): Promise<Issued> => {
      const approved = await rig.approve(documentId, { ...options, resources: [resource] })
      const answer = await this.#redeem(this.#here, approved, resource)
      return { ...(await ok(answer)), grantId: approved.grantId }
    }
    this.#code = await rig.approve(documentId, options)
    this.#jwt = await issue(RES_A)
    this.#opaque = await issue(RES_B)
    this.#refresh = await issue(RES_A)
    const { subject: account, upstream: tokens } = this.#linked.account
    const link = { account, created: rig.now, tokens: tokens! }
    await writeLink(rig.context, subject, { name: 'git', access: this.#linked.upstreams[0] }, link)
    this.#kid = (JSON.parse(atob(this.#jwt.access_token.split('.')[0]!)) as { kid: string }).kid
    for (const where of ['here', 'elsewhere'] as const)
      for (const thing of ['cached verdict', 'opaque access token', 'remembered consent', 'session'] as const)
        if (!(await this.lives(thing, where))) throw new Error(`${thing} does not live ${where}`)
  }

  /** Through the pages: a session, and a remembered consent. */
  async #signIn(): Promise<void> {
    const page = await this.#browser.visit(await this.#requestUrl())
    const values = { decision: 'approve', scopes: ['notes:read'], fields: { remember: 'yes' } } as const
    await this.#browser.submit(page, values)
    const { state } = this.#upstream.started.at(-1)!.leg
    await this.#browser.get(`/authorize/callback?code=c&state=${state}`, { 'sec-fetch-site': 'cross-site' })
  }

  async cause(cause: Cause): Promise<void> {
    const { as } = this.#here
    const revoke = async (token: string): Promise<void> => {
      const url = this.#rig.path('revoke')
      await ok(await this.#rig.post({ token, client_id: documentId }, { as, url })).catch(() => undefined)
    }
    const issued = [this.#jwt, this.#opaque, this.#refresh]
    if (cause === 'access token revoked') for (const each of issued) await revoke(each.access_token)
    else if (cause === 'refresh token revoked') for (const each of issued) await revoke(each.refresh_token)
    else if (cause === 'grant revoked')
      for (const { grantId } of [...issued, this.#code]) await as.grants.revoke(subject, grantId)
    else if (cause === 'user’s grants revoked') await as.grants.revoke(subject)
    else if (cause === 'provider ended the sign-in') await this.#endSignIn(issued)
    else if (cause === 'account unlinked') await this.#here.links.unlink(subject, 'git')
    else if (cause === 'client blocked') await as.clients.block(documentId)
    else if (cause === 'revokeAll()') await as.revokeAll()
    else if (cause === 'signing key rotated') this.#late = untilRotation
    else if (cause === 'client’s document changed')
      this.#web.serve(documentId, document({ redirect_uris: ['https://c.test/other'] }))
    else if (cause === 'client’s document gone')
      this.#web.serve(documentId, () => new Response('', { status: 404 }))
    else if (cause === 'deployment secret replaced') {
      const secret = 'another deployment secret, of more than forty bytes'
      this.#here = this.#isolate(secret)
      this.#elsewhere = this.#isolate(secret)
    }
  }

  /** The tools of each grant find out. */
  async #endSignIn([jwt, opaque, refresh]: readonly Issued[]): Promise<void> {
    this.#provider.hasEnded = true
    for (const [url, token] of [
      [RES_A, jwt!],
      [RES_B, opaque!],
      [RES_A, refresh!],
    ] as const) {
      const asked = this.#call(this.#here.tool, token, url)
      await expect(asked).rejects.toMatchObject({ code: 'invalid_grant' })
    }
  }

  wait(seconds: number): void {
    this.#rig.now += Math.max(seconds, this.#late)
  }

  async lives(thing: Thing, where: 'here' | 'elsewhere'): Promise<boolean> {
    const isolate = where === 'here' ? this.#here : this.#elsewhere
    const { as, cold, warm, opaque } = isolate
    switch (thing) {
      case 'authorization code':
        return (await this.#redeem(isolate, this.#code, RES_A)).status === 200
      case 'JWT access token':
        return this.#call(cold, this.#jwt)
      case 'cached verdict':
        return this.#call(warm, this.#jwt)
      case 'opaque access token':
        return this.#call(opaque, this.#opaque, RES_B)
      case 'refresh token': {
        const form = { grant_type: 'refresh_token', refresh_token: this.#refresh.refresh_token }
        return (await this.#rig.post({ client_id: documentId, ...form }, { as })).status === 200
      }
      case 'grant':
        return as.grants.list(subject).then(
          (grants) => grants.some(({ id }) => id === this.#refresh.grantId),
          () => false,
        )
      case 'session':
        return (await this.#page(as, '/account')).status === 200
      // Straight on to the upstream, without a page.
      case 'remembered consent':
        return (await this.#page(as, await this.#requestUrl())).status === 303
      case 'client':
        return [200, 303].includes((await this.#page(as, await this.#requestUrl())).status)
      case 'linked account':
        return isolate.links
          .upstream(subject, 'git', async () => undefined)
          .then(
            () => true,
            () => false,
          )
      case 'signing key':
        return (await this.#publishedKeys(isolate)).includes(this.#kid)
    }
  }

  /** After how many seconds a stream that is open at the time of the cause is closed, in steps of ten; timers are faked. */
  async streamEnds(cause: Cause): Promise<number> {
    const headers = { authorization: `Bearer ${this.#jwt.access_token}` }
    const response = await this.#here.warm(new Request(RES_A, { headers }))
    let closed = false
    const reader = response.body!.getReader()
    const drained = (async (): Promise<void> => {
      while (!(await reader.read()).done);
      closed = true
    })()
    await this.cause(cause)
    let waited = 0
    while (!closed && waited < 2 * 3600) {
      waited += 10
      this.#rig.now += 10
      await vi.advanceTimersByTimeAsync(10_000)
    }
    if (closed) await drained
    return waited
  }

  async #call(guard: Guard, { access_token }: Tokens, url = RES_A): Promise<boolean> {
    const headers = { authorization: `Bearer ${access_token}` }
    return (await guard(new Request(url, { method: 'POST', headers }))).status === 200
  }

  #redeem({ as }: Isolate, { code, verifier }: Approved, resource: string): Promise<Response> {
    const form = { grant_type: 'authorization_code', code, code_verifier: verifier, resource }
    return this.#rig.post({ client_id: documentId, ...form }, { as })
  }

  #requestUrl(): Promise<string> {
    return requestUrl({ client_id: documentId, redirect_uri: redirectUri, scope: 'notes:read' })
  }

  #page(as: EmbeddedAuthorizationServer, path: string): Promise<Response> {
    const cookie = [...this.#browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, 'sec-fetch-site': 'none' }
    return answered(as.handle(new Request(new URL(path, this.#rig.issuer), { headers })))
  }

  async #publishedKeys({ as }: Isolate): Promise<string[]> {
    const response = await answered(as.handle(new Request(this.#rig.path('jwks'))))
    const { keys: published = [] } = (await response.json()) as { keys?: { kid: string }[] }
    return published.map(({ kid }) => kid)
  }
}

/** Events that never end by themselves. */
const endlessEvents = (): Response =>
  new Response(
    new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(': \n\n')) }),
    {
      headers: { 'content-type': 'text/event-stream' },
    },
  )
