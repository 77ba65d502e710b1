import { autocomplete, isCancel, select, text } from '@clack/prompts'

import { CommandError, exitCodes, type Io } from '../io.ts'
import { atTerminal, type Streams } from '../terminal.ts'
import {
  auths,
  fittingProviders,
  fittingStores,
  hosts,
  needsProvider,
  type AuthName,
  type Choices,
  type HostName,
  type StoreName,
} from './choices.ts'
import { providers } from './providers.ts'
import { targetProblem } from './write.ts'

/** What the command line says; the rest is asked for. */
export type Given = { readonly [name in keyof Choices]?: Choices[name] | undefined } & {
  readonly folder?: string | undefined
}

export const defaultFolder = 'my-mcp-server'

/** For `--yes`. */
export function defaultChoices(given: Given, nodeVersion: string): Choices {
  const { host = 'node', provider } = given
  const { auth = provider === undefined ? 'password' : 'upstream' } = given
  const store = given.store ?? (auth === 'external' ? undefined : fittingStores(host, nodeVersion)[0])
  return { host, auth, provider, store }
}

/** Asks at the terminal for what was not given. */
export const askChoices = (
  io: Io,
  given: Given,
  nodeVersion: string,
): Promise<{ folder: string; choices: Choices }> =>
  atTerminal(io, (streams) => askAll(streams, given, nodeVersion))

async function askAll(
  streams: Streams,
  given: Given,
  nodeVersion: string,
): Promise<{ folder: string; choices: Choices }> {
  const folder =
    given.folder ??
    answered(
      await text({
        message: 'Where shall the project be made?',
        placeholder: defaultFolder,
        defaultValue: defaultFolder,
        validate: (value) => targetProblem(value || defaultFolder),
        ...streams,
      }),
    )
  const host =
    given.host ??
    answered(
      await select<HostName>({
        message: 'What does it run on?',
        options: hosts.map((value) => ({ value, label: hostNames[value] })),
        ...streams,
      }),
    )
  const auth =
    given.auth ??
    answered(
      await select<AuthName>({
        message: 'Who signs users in?',
        options: auths.map((value) => ({ value, label: authNames[value] })),
        ...streams,
      }),
    )
  const provider =
    given.provider ??
    (needsProvider(auth)
      ? answered(
          await autocomplete<string>({
            message: 'Which provider? Type to search.',
            options: fittingProviders(auth).map((value) => ({ value, label: providers[value]!.title })),
            maxItems: 8,
            ...streams,
          }),
        )
      : undefined)
  return {
    folder,
    choices: { host, auth, provider, store: await askStore(streams, given, host, auth, nodeVersion) },
  }
}

async function askStore(
  streams: Streams,
  given: Given,
  host: HostName,
  auth: AuthName,
  nodeVersion: string,
): Promise<StoreName | undefined> {
  if (given.store !== undefined || auth === 'external') return given.store
  const message = 'Where do grants lie?'
  const options = fittingStores(host, nodeVersion).map((value) => ({ value }))
  return answered(await select<StoreName>({ message, options, ...streams }))
}

function answered<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) throw new CommandError('interrupted; nothing was made', exitCodes.interrupted)
  return answer as Exclude<T, symbol>
}

const hostNames: Readonly<Record<HostName, string>> = {
  node: 'Node',
  workers: 'Cloudflare Workers',
  deno: 'Deno',
  bun: 'Bun',
  next: 'Next.js',
  hono: 'Hono, on Node',
  express: 'Express',
}

const authNames: Readonly<Record<AuthName, string>> = {
  password: 'this server: one owner with a password',
  upstream: 'an identity provider, and this server issues the tokens',
  'own-login': 'my application, which has a login',
  external: 'an authorization server that issues the tokens, too',
}
