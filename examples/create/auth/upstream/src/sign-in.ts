// Users sign in at the identity provider in src/provider.ts.
import type { SignIn } from 'tollgate'
import { upstream } from 'tollgate/upstream'
import { createProvider } from './provider.ts'
import { setting } from './settings.ts'

export function createSignIn(): SignIn {
  const allowed = setting('ALLOWED_USERS').split(/\s*,\s*/)
  return upstream(createProvider(), {
    // Every other account of the provider is refused. `email` is there only if the provider has verified it.
    admit: ({ subject, email = '' }) => allowed.includes(`id:${subject}`) || allowed.includes(email),
    // Set it to true if a tool calls the provider with the user's own token: `auth.upstream()`.
    keepTokens: false,
  })
}
