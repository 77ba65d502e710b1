// Tools that ask for upstream tokens, on one server or two that share a store.
import { createResourceServer } from '../../src/index.ts'
import type { EmbeddedAuthorizationServer } from '../../src/authorization-server/index.ts'
import { openTokens } from '../../src/authorization-server/grant/upstream-vault.ts'
import { readGrant } from '../../src/authorization-server/grant/record.ts'
import type { GrantRecord } from '../../src/authorization-server/grants.ts'
import type { OAuthError } from '../../src/errors.ts'
import type { AuthInfo, UpstreamToken, VaultEntry } from '../../src/types.ts'
import { ok, payload, RES_A, type Tokens } from '../support/as.ts'
import { UpstreamWorld, type WorldOptions } from '../support/upstream.ts'

/** The MCP server of this authorization server: what its handler gets for this token. */
export async function authAt(
  as: EmbeddedAuthorizationServer,
  token: string,
  clock: () => number,
): Promise<AuthInfo> {
  const rs = createResourceServer({ resource: RES_A, authorizationServers: [as], clock })
  const headers = { authorization: `Bearer ${token}` }
  const found = await rs.authenticate(new Request(RES_A, { method: 'POST', headers }))
  if (found instanceof Response) throw new Error(`${found.status}`)
  return found
}

/** The error code and what the caller is told to wait, or the access token. */
export async function outcome(token: Promise<UpstreamToken>): Promise<string> {
  try {
    return (await token).accessToken
  } catch (error) {
    const { code, retryAfter, message } = error as OAuthError
    return code === undefined ? message : retryAfter === undefined ? code : `${code} ${retryAfter}`
  }
}

/** A user has signed in at the imitated provider, and a client has the tokens. */
export class ToolWorld extends UpstreamWorld {
  tokensOfClient!: Tokens
  grantId!: string

  static async create(options: WorldOptions = {}): Promise<ToolWorld> {
    const world = new ToolWorld(options)
    await world.connect()
    return world
  }

  /** Another client, or the same one once more. */
  async connect(): Promise<Tokens> {
    const tokens = await this.tokens(await this.signIn())
    this.tokensOfClient = tokens
    this.grantId = String(payload(tokens.access_token)['jti']).split('.')[0]!
    return tokens
  }

  readonly clock = (): number => this.rig.now

  auth(as: EmbeddedAuthorizationServer = this.rig.as): Promise<AuthInfo> {
    return authAt(as, this.tokensOfClient.access_token, this.clock)
  }

  async upstream(as?: EmbeddedAuthorizationServer): Promise<string> {
    return outcome((await this.auth(as)).upstream())
  }

  /** The upstream access token ends in so many seconds. */
  endsIn(seconds: number): void {
    this.rig.now += this.idp.lifetime - seconds
  }

  /** A new access token for the client, because the first one lasts less than the upstream's. */
  async refreshed(): Promise<Tokens> {
    const tokens = await ok(await this.rig.refresh(this.tokensOfClient.refresh_token))
    this.tokensOfClient = tokens
    return tokens
  }

  async grant(id = this.grantId): Promise<GrantRecord> {
    return (await readGrant(this.rig.context.store, id))!
  }

  async entry(): Promise<VaultEntry | undefined> {
    return openTokens(this.rig.context, this.grantId, await this.grant())
  }

  /** How often the provider was asked to renew. */
  renewals(): number {
    return this.idp.to('/token').filter(({ form }) => form.get('grant_type') === 'refresh_token').length
  }

  types(): string[] {
    return this.rig.events.map(({ type }) => type)
  }

  /** Events that are no part of normal operation. */
  warnings(): string[] {
    return this.rig.events.filter(({ level }) => level !== 'info').map(({ type }) => type)
  }
}
