// Whom a project of `tollgate create --auth upstream` lets in, whatever the form of its list.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fittingProviders, hosts, type HostName } from '../../src/cli/create/choices.ts'
import { projectFiles } from '../../src/cli/create/project.ts'
import { neededOptions, settingName } from '../../src/cli/create/provider-file.ts'
import type { UpstreamOptions, UpstreamUser } from '../../src/upstream/index.ts'
import { root } from '../support/create.ts'

// The project's own `admit` is asked; that the server asks it is tested in test/upstream.
vi.mock('tollgate/upstream', () => ({ upstream: (_: unknown, options: UpstreamOptions) => options }))

const folder = join(root, '.tollgate/create-admission')
beforeEach(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => vi.unstubAllEnvs())

const secrets = { secret: 's'.repeat(43), password: '', passwordHash: '' }
function sourcesOf(provider: string, host: HostName = 'node'): ReadonlyMap<string, string> {
  const store = host === 'workers' ? 'd1' : 'memory'
  const choices = { host, auth: 'upstream', provider, store } as const
  const files = projectFiles({ name: 'notes', choices, tollgate: '^0.1.0', secrets })
  return new Map([...files].filter(([path]) => path.startsWith('src/')))
}

let projects = 0
type Admits = (list: string, user: Partial<UpstreamUser>) => Promise<boolean>
/** The project of a provider, without package.json, so that it finds this package. */
async function startProject(provider: string): Promise<Admits> {
  const project = join(folder, `${provider}-${++projects}`)
  for (const [path, text] of sourcesOf(provider)) {
    mkdirSync(dirname(join(project, path)), { recursive: true })
    writeFileSync(join(project, path), text)
  }
  for (const [option, example] of Object.entries(neededOptions(provider, 'upstream')))
    vi.stubEnv(settingName(provider, option), example || 'x')
  const { createSignIn } = (await import(join(project, 'src/sign-in.ts'))) as {
    createSignIn(): UpstreamOptions
  }
  return async (list, user) => {
    vi.stubEnv('ALLOWED_USERS', list)
    let options: UpstreamOptions
    try {
      options = createSignIn()
    } catch (error) {
      // A server without the setting does not start.
      expect(String(error)).toContain('ALLOWED_USERS is not set')
      return false
    }
    return (await options.admit({ subject: '666', claims: {}, ...user } as UpstreamUser)) === true
  }
}

const providers = fittingProviders('upstream')

test.each(providers)(
  'create: ALLOWED_USERS of %s never admits an account that it does not name',
  async (provider) => {
    const admits = await startProject(provider)
    const lists = [
      ...[
        '',
        ' ',
        ',',
        ' , ',
        ',,,',
        '\t,\n',
        'ada@example.com,',
        ',ada@example.com',
        'ada@example.com,,octocat',
      ],
      ...[
        'octocat, ',
        ' , octocat',
        'id:,octocat',
        'undefined',
        'null',
        'id:undefined',
        '[object Object]',
        'true,0',
      ],
      ...['id:583231', '*', '*@example.com', '@example.com', 'id', '"octocat"'],
    ]
    const unnamed = [
      ...[
        undefined,
        null,
        '',
        ' ',
        ',',
        '666',
        'id:583231',
        'id:',
        'ada',
        'ADA@example.com',
        'ada@example.com,octocat',
      ],
      ...['mallory', {}, [], ['octocat'], ['ada@example.com'], true, 0],
    ]
    for (const list of lists)
      for (const name of unnamed) {
        const user = { email: name, claims: { login: name, email: name, email_verified: true } }
        expect(await admits(list, user as never), JSON.stringify({ list, name })).toBe(false)
      }
  },
)

test.each(providers)('create: ALLOWED_USERS of %s admits the accounts that it names', async (provider) => {
  const admits = await startProject(provider)
  const name = provider === 'github' ? 'octocat' : 'ada@example.com'
  const byName = provider === 'github' ? { claims: { login: name } } : { email: name }
  for (const list of [name, `${name},`, ` ${name} , ,id:583231,`, `id:583231,\t${name}\n`, `,,${name}`])
    expect(await admits(list, byName), JSON.stringify(list)).toBe(true)
  for (const list of ['id:583231', ' id:583231 ,,', `${name}, id:583231`])
    expect(await admits(list, { subject: '583231' }), JSON.stringify(list)).toBe(true)
  // What another provider's users are found by is not enough.
  const byOther = provider === 'github' ? { email: name } : { claims: { email: name, login: name } }
  expect(await admits(name, byOther)).toBe(false)
})

test('create: who may enter is the same on each host', () => {
  for (const provider of providers)
    for (const host of hosts)
      for (const path of ['src/sign-in.ts', 'src/allowed.ts', 'src/settings.ts'])
        expect(sourcesOf(provider, host).get(path), `${host} ${path}`).toBe(sourcesOf(provider).get(path))
})
