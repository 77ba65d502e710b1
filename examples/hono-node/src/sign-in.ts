// One owner signs in with a password. `npx tollgate password` makes the hash of another one.
import type { SignIn } from 'tollgate'
import { passwordSignIn } from 'tollgate/sign-in/password'
import { setting } from './settings.ts'

export const createSignIn = (): SignIn =>
  passwordSignIn({ users: { owner: { hash: setting('OWNER_PASSWORD_HASH') } } })
