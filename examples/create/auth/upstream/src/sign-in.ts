// Users sign in at the identity provider in src/provider.ts.
import type { SignIn } from 'tollgate'
import { upstream } from 'tollgate/upstream'
import { readAllowed } from './allowed.ts'
import { createProvider } from './provider.ts'

export function createSignIn(): SignIn {
  const isAllowed = readAllowed()
  return upstream(createProvider(), {
    // Every other account of the provider is refused. `email` is there only if the provider has verified it.
    admit: ({ subject, email }) => isAllowed(subject, email),
    // Set it to true if a tool calls the provider with the user's own token: `auth.upstream()`.
    keepTokens: false,
  })
}
