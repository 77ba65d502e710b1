// One exported name means one thing: who imports it from another entry point gets the same.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { types: string }>
}

/** The same for each framework: a program imports from one of them. */
const perFramework = ['authOf', 'endpoints', 'guard']

test('U14 no two entry points export one name for two things', { timeout: 120_000 }, () => {
  const entries = Object.values(exports).map(({ types }) => join(root, types))
  const nodenext = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }
  const program = ts.createProgram(entries, { ...nodenext, noLib: true, types: [] })
  const checker = program.getTypeChecker()
  const homes = new Map<string, Set<string>>()
  for (const entry of entries) {
    const file = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!
    for (const exported of checker.getExportsOfModule(file)) {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0
      const { name, declarations } = isAlias ? checker.getAliasedSymbol(exported) : exported
      const home = `${declarations?.[0]?.getSourceFile().fileName}: ${name}`
      homes.set(exported.name, (homes.get(exported.name) ?? new Set()).add(home))
    }
  }
  expect(homes.size).toBeGreaterThan(200)
  const twice = [...homes].filter(([name, { size }]) => size > 1 && !perFramework.includes(name))
  expect(twice.map(([name, where]) => [name, ...where])).toEqual([])
})
