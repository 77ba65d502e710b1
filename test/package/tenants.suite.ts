// examples/postgres-tenants: what must hold for its tenants, on any PostgreSQL.
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Visit } from '../../scripts/browser.ts'
import { sdkSession, type SdkSession } from '../../scripts/sdk-session.ts'

export interface Database {
  query(sql: string, parameters?: unknown[]): Promise<{ rows: unknown[] }>
}

export interface TenantsServer {
  origin: string
  database: Database
  close(): Promise<void>
}

interface NewUser {
  tenant: string
  name: string
  password: string
  mayWrite: boolean
}

/** A module of the example. By a variable: the type check runs without the example's packages. */
export const load = (name: string): Promise<Record<string, (...all: never[]) => unknown>> =>
  import(join(import.meta.dirname, '../../examples/postgres-tenants', name))

export async function addUser(database: Database, user: NewUser): Promise<void> {
  const { addUser } = (await load('database.ts')) as { addUser: (...all: unknown[]) => Promise<void> }
  await addUser(database, user)
}

export function tenantsSuite(start: () => Promise<TenantsServer>): void {
  let server: TenantsServer
  beforeAll(async () => {
    server = await start()
    // Each tenant has an Alice.
    for (const tenant of ['acme', 'globex'])
      await addUser(server.database, {
        tenant,
        name: 'alice',
        password: `the password of alice at ${tenant}`,
        mayWrite: true,
      })
  }, 300_000)
  afterAll(() => server?.close())

  const at = (tenant: string, path: string): URL => new URL(`/t/${tenant}/${path}`, server.origin)

  const visit = (tenant: string, more: Visit & { user?: string } = {}): Visit => {
    const { user = 'alice', ...rest } = more
    return { answers: { username: user, password: `the password of ${user} at ${tenant}` }, ...rest }
  }

  const open = (tenant: string, { provider }: SdkSession): StreamableHTTPClientTransport =>
    new StreamableHTTPClientTransport(at(tenant, 'mcp'), { authProvider: provider })

  /** Until the user is back at the client; `code` is not redeemed. */
  async function authorize(tenant: string, how = visit(tenant)) {
    const session = sdkSession(`Client of ${tenant}`)
    const transport = open(tenant, session)
    const first = new Client({ name: 'test', version: '1.0.0' }).connect(transport)
    await expect(first).rejects.toThrow(UnauthorizedError)
    return { session, transport, answer: await session.signIn(how) }
  }

  async function connect(tenant: string, how = visit(tenant)) {
    const { session, transport, answer } = await authorize(tenant, how)
    await transport.finishAuth(answer)
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(open(tenant, session))
    const call = async (name: string, args: Record<string, string> = {}): Promise<string> => {
      const { content } = await client.callTool({ name, arguments: args })
      return (content as unknown as [{ text: string }])[0].text
    }
    return { call, session, tokens: session.provider.tokens()! }
  }

  const mcp = (tenant: string, token: string): Promise<Response> =>
    fetch(at(tenant, 'mcp'), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    })

  const token = async (tenant: string, form: Record<string, string>): Promise<string> => {
    const response = await fetch(at(tenant, 'token'), { method: 'POST', body: new URLSearchParams(form) })
    const { error, access_token } = (await response.json()) as { error?: string; access_token?: string }
    return access_token ?? `${response.status} ${error}`
  }

  const clientOf = ({ provider }: SdkSession): string => provider.clientInformation()!.client_id

  test('ST6 the SDK connects to each tenant, whose users share its documents and no other’s', async () => {
    const password = 'the password of bob at acme'
    await addUser(server.database, { tenant: 'acme', name: 'bob', password, mayWrite: false })
    const alice = await connect('acme')
    expect(await alice.call('write_document', { title: 'Plan', text: 'Of acme' })).toBe('Wrote "Plan".')
    const bob = await connect('acme', visit('acme', { user: 'bob' }))
    expect(await bob.call('read_document', { title: 'Plan' })).toBe('Of acme\n\n(alice)')
    expect(bob.tokens.scope).toBe('documents:read')
    const other = await connect('globex')
    expect(await other.call('list_documents')).toBe('There are no documents yet.')
    expect(await other.call('read_document', { title: 'Plan' })).toBe('There is no document "Plan".')
    await other.call('write_document', { title: 'Plan', text: 'Of globex' })
    expect(await alice.call('read_document', { title: 'Plan' })).toBe('Of acme\n\n(alice)')
  })

  test('ST6 token, refresh token, code and client of one tenant are worth nothing at the other', async () => {
    const { tokens, session } = await connect('acme')
    const globex = await connect('globex')
    expect((await mcp('acme', tokens.access_token)).status).toBe(200)
    const foreign = await mcp('globex', tokens.access_token)
    expect(foreign.status).toBe(401)
    expect(foreign.headers.get('www-authenticate')).toContain(
      `resource_metadata="${server.origin}/.well-known/oauth-protected-resource/t/globex/mcp"`,
    )

    const [ours, theirs] = [clientOf(session), clientOf(globex.session)]
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token! }
    expect(await token('globex', { ...refresh, client_id: theirs })).toBe('400 invalid_grant')
    expect(await token('globex', { ...refresh, client_id: ours })).toMatch(/^40[01] invalid_client$/)
    const page = await fetch(
      new URL(`?response_type=code&client_id=${encodeURIComponent(ours)}`, at('globex', 'authorize')),
      { redirect: 'manual' },
    )
    expect([page.status, page.headers.get('location')]).toEqual([400, null])

    const { session: another, answer } = await authorize('acme')
    const code = {
      grant_type: 'authorization_code',
      code: answer.get('code')!,
      redirect_uri: another.provider.redirectUrl,
      code_verifier: another.provider.codeVerifier(),
    }
    expect(await token('globex', { ...code, client_id: theirs })).toBe('400 invalid_grant')
    // Nothing of this has ended anything at home.
    expect(await token('acme', { ...code, client_id: clientOf(another) })).toMatch(/^ey/)
    expect(await token('acme', { ...refresh, client_id: ours })).toMatch(/^ey/)
  })

  test('ST6 the cookies of one tenant sign no user in at the other', async () => {
    const cookies = new Map<string, string>()
    const pages: string[] = []
    const browser = { cookies, onPage: (title: string) => void pages.push(title) }
    await connect('acme', visit('acme', browser))
    expect(pages.length).toBe(2)
    pages.length = 0
    await connect('acme', visit('acme', browser))
    // The session of this browser: only consent is asked.
    expect(pages).toEqual([expect.stringContaining('Client of acme')])
    pages.length = 0
    // The same browser, and no cookie held back by its path.
    await expect(connect('globex', { ...visit('acme', browser), press: /allow|approve/i })).rejects.toThrow(
      'without a form',
    )
    expect(pages).toEqual([expect.stringContaining('Sign in')])
  })

  test('TK18 an added user signs in at once; a lost right or a removed user shows at the refresh', async () => {
    const { database } = server
    const password = 'the password of carol at acme'
    await addUser(database, { tenant: 'acme', name: 'carol', password, mayWrite: true })
    const { session, tokens } = await connect('acme', visit('acme', { user: 'carol' }))
    expect(tokens.scope).toBe('documents:read documents:write')
    const refresh = {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token!,
      client_id: clientOf(session),
    }
    await database.query(`UPDATE users SET may_write = false WHERE tenant = 'acme' AND name = 'carol'`)
    const [, claims = ''] = (await token('acme', refresh)).split('.')
    expect(JSON.parse(atob(claims)).scope).toBe('documents:read')
    await database.query(`DELETE FROM users WHERE tenant = 'acme' AND name = 'carol'`)
    const body = new URLSearchParams(refresh)
    const response = await fetch(at('acme', 'token'), { method: 'POST', body })
    expect(await response.json()).toMatchObject({
      error: 'invalid_grant',
      error_description: 'There is no such user any more',
    })
  })

  test('ST6 a tenant that is closed is gone at once', async () => {
    const { database } = server
    await addUser(database, {
      tenant: 'initech',
      name: 'alice',
      password: 'the password of alice at initech',
      mayWrite: true,
    })
    const { tokens } = await connect('initech')
    expect((await mcp('initech', tokens.access_token)).status).toBe(200)
    await database.query(`UPDATE tenants SET closed = true WHERE name = 'initech'`)
    expect((await mcp('initech', tokens.access_token)).status).toBe(404)
    // Its name is not given away.
    await expect(database.query(`DELETE FROM tenants WHERE name = 'initech'`)).rejects.toThrow('users')
  })

  test('MD1 metadata at the inserted places; nothing for an unknown tenant, nothing at the root', async () => {
    const status = async (path: string): Promise<number> => (await fetch(server.origin + path)).status
    expect(await status('/.well-known/oauth-authorization-server/t/acme')).toBe(200)
    expect(await status('/.well-known/oauth-protected-resource/t/acme/mcp')).toBe(200)
    for (const path of [
      '/.well-known/oauth-authorization-server/t/nobody',
      '/t/nobody/mcp',
      '/t/acme%2Fglobex/mcp',
      '/t/acme',
      '/t/acme/other',
      '/.well-known/oauth-authorization-server',
      '/mcp',
    ])
      expect([path, await status(path)]).toEqual([path, 404])
  })

  test('ST1 the table of grants is the one that the store would make', async () => {
    const { postgres } = await import('../../src/store/postgres.ts')
    await postgres(server.database as never, { table: 'made' }).get('a:b')
    const columns = async (table: string): Promise<unknown[]> => {
      const sql = `SELECT column_name, data_type, is_nullable, collation_name FROM information_schema.columns
        WHERE table_name = $1 ORDER BY ordinal_position`
      return (await server.database.query(sql, [table])).rows
    }
    expect((await columns('made')).length).toBe(4)
    expect(await columns('tollgate')).toEqual(await columns('made'))
  })
}
