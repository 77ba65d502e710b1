import { expect, test } from 'vitest'
import { post, token, world } from '../support/guard.ts'

test('a good token gets through', async () => {
  const it = await world()
  const response = await it.call(post(await token()))
  expect([response.status, await response.text()]).toEqual([200, 'done'])
})
