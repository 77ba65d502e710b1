// Records of version 1 are read for ever, and those of a later version are refused.
import { expect, test } from 'vitest'
import { keptSignIn } from '../../src/upstream/kept.ts'
import * as v1 from '../fixtures/v1/upstream.ts'

test('an upstream sign-in: version 1 is read, version 2 is refused', () => {
  expect(keptSignIn.decode(v1.keptSignIn)).toEqual({
    verifier: 'ZIHKcPQLEBDxGp9mAyjyTKp8WvEbbX_rx4cTV4mBz3k',
    nonce: 'tro8w0qt3H7XxLnJoRLLI9ItO4b',
  })
  expect(keptSignIn.decode(v1.keptSignIn.replace('"v":1', '"v":2'))).toBeUndefined()
  expect(keptSignIn.decode(v1.keptSignIn.replace('"nonce"', '"once"'))).toBeUndefined()
})
