// One owner signs in with a generated password.
import type { SignIn } from 'tollgate'
import { passwordSignIn } from 'tollgate/sign-in/password'
import { setting } from './settings.ts'

export const createSignIn = (): SignIn =>
  passwordSignIn({
    users: { owner: { hash: setting('OWNER_PASSWORD_HASH') } },
    // Workers refuse more than 100 000 iterations. That is enough for a long random password, and not for one
    // that a person made up.
    dangerouslyFewIterations: true,
  })
