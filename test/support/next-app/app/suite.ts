// The adapter suite's application as an App Router application. Where it listens is known when it starts, not when it is built: U4, `next build`
// loads every route, and this throws if one of them needs the environment.
import { adapterApp, type AdapterApp } from '../../../adapter/suite-app.ts'
import { routedServer } from '../../../adapter/routing-app.ts'
import type { ResourceServer } from '../../../../src/index.ts'

function build(): AdapterApp & { several: ResourceServer } {
  const { SUITE_URL: url, SUITE_KEYS: keys } = process.env
  if (url === undefined || keys === undefined) throw new Error('Only a started server has its environment')
  return { ...adapterApp(url, JSON.parse(keys)), several: routedServer(url, JSON.parse(keys)) }
}

const shared = globalThis as { suite?: ReturnType<typeof build> }
export const suite = (): ReturnType<typeof build> => (shared.suite ??= build())

export const resourceAt = (path: string): string => `${process.env['SUITE_URL']}${path}`
