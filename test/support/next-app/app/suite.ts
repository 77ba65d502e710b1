// The adapter suite's application as an App Router application. Where it listens is known when it starts, not when it is built.
import { adapterApp } from '../../../adapter/suite-app.ts'

const { SUITE_URL = 'http://127.0.0.1:3000', SUITE_KEYS } = process.env
// Any key will do for the build.
const placeholder = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}

export const { rs, handler } = adapterApp(
  SUITE_URL,
  SUITE_KEYS ? JSON.parse(SUITE_KEYS) : { keys: [placeholder] },
)
