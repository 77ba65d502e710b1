import type { AuthName } from './choices.ts'
import { providers } from './providers.ts'

/** The option `domain` of `okta` becomes OKTA_DOMAIN. */
export const settingName = (provider: string, option: string): string =>
  `${provider.replaceAll('-', '_')}_${option.replaceAll(/[A-Z]/g, '_$&')}`.toUpperCase()

/** The options that the project passes to the preset, with values that show their form. */
export function neededOptions(provider: string, auth: AuthName): Readonly<Record<string, string>> {
  const { options, verifying, tokens } = providers[provider]!
  if (auth === 'upstream') return { ...options, clientId: '', clientSecret: '' }
  return {
    ...options,
    ...verifying,
    ...(tokens === 'jwt' ? {} : { clientId: '' }),
    ...(tokens === 'introspection' ? { clientSecret: '' } : {}),
  }
}

/** `src/provider.ts` of the project. */
export function providerFile(provider: string, auth: AuthName): string {
  const { title, preset = provider, tokens } = providers[provider]!
  const asks = auth === 'external' && tokens === 'introspection'
  const options = Object.keys(neededOptions(provider, auth))
    .map((option) => `    ${option}: setting('${settingName(provider, option)}'),\n`)
    .join('')
  const call = `${preset}({\n${options}  })`
  return [
    auth === 'upstream'
      ? `// Where users sign in: ${title}.`
      : `// Who issues the tokens: ${title}.${asks ? ' It is asked about each of them.' : ''}`,
    ...(asks ? ["import { introspectionVerifier } from 'tollgate/introspection'"] : []),
    `import { ${preset} } from 'tollgate/provider/${provider}'`,
    "import { setting } from './settings.ts'",
    '',
    'export const createProvider = () =>',
    asks ? `  introspectionVerifier(${call})` : `  ${call}`,
    '',
  ].join('\n')
}
