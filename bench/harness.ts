// Ratios, not absolute times: every round runs every case once in shuffled order, after a warm-up, and each figure is
// the median over the rounds (CPU) or the quiet tenth (wall time).

export interface Case {
  name: string
  /** Performs `n` operations, one after the other. */
  run(n: number): Promise<void>
}
export interface Figure {
  /** Microseconds of CPU for one operation. */
  cpu: number
  /** Microseconds of wall time for one operation. */
  wall: number
}

export async function measure(
  cases: readonly Case[],
  { rounds = 25, slice = 0.03 } = {},
): Promise<Map<string, Figure>> {
  const sizes = new Map<string, number>()
  for (const each of cases) sizes.set(each.name, await calibrate(each, slice))
  const samples = new Map<string, Figure[]>(cases.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const each of shuffled(cases)) {
      const n = sizes.get(each.name)!
      const cpu = process.cpuUsage()
      const wall = performance.now()
      await each.run(n)
      const spent = process.cpuUsage(cpu)
      samples
        .get(each.name)!
        .push({ cpu: (spent.user + spent.system) / n, wall: ((performance.now() - wall) * 1000) / n })
    }
  }
  return new Map(
    [...samples].map(([name, all]) => [
      name,
      {
        cpu: quantile(
          all.map(({ cpu }) => cpu),
          0.5,
        ),
        wall: quantile(
          all.map(({ wall }) => wall),
          0.1,
        ),
      },
    ]),
  )
}

/** How many operations fill a slice, in seconds; warms up on the way. */
async function calibrate(each: Case, slice: number): Promise<number> {
  let n = 16
  for (;;) {
    const started = performance.now()
    await each.run(n)
    const seconds = (performance.now() - started) / 1000
    if (seconds > slice) return Math.max(1, Math.round((n * slice) / seconds))
    n *= 2
  }
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
}

function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[result[i], result[j]] = [result[j]!, result[i]!]
  }
  return result
}

export function table(title: string, rows: readonly (readonly string[])[]): void {
  console.log(`\n${title}`)
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  for (const row of rows)
    console.log(
      '  ' + row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    )
}

interface Judged {
  text: string
  value: number
  limit: string
  holds: boolean
}
const judged: Judged[] = []

/** A line that says whether a bar holds. */
export function bar(text: string, value: number, limit: number, kind: 'at least' | 'at most'): void {
  const holds = kind === 'at least' ? value >= limit : value <= limit
  judged.push({ text, value, limit: `${kind === 'at least' ? '≥' : '≤'} ${limit}`, holds })
  console.log(`  ${holds ? 'holds ' : 'MISSED'}  ${text}: ${value.toFixed(2)} (${kind} ${limit})`)
}

/** Every bar as a row of a Markdown table. */
export function summary(): string {
  const rows = judged.map(
    ({ text, value, limit, holds }) =>
      `| ${text} | ${value.toFixed(2)} | ${limit} | ${holds ? 'holds' : '**MISSED**'} |`,
  )
  return ['| bar | measured | limit | |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
