import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import {
  clientSecret,
  custom,
  either,
  flag,
  func,
  integer,
  list,
  matching,
  methods,
  object,
  oneOf,
  optionError,
  readOptions,
  record,
  seconds,
  secret,
  secrets,
  strings,
  text,
  url,
  type Option,
  type OptionTable,
} from '../../src/lib/options.ts'

function problem(work: () => unknown): ConfigurationError {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return error as ConfigurationError
  }
  throw new Error('nothing was thrown')
}

describe('rule 8 readOptions', () => {
  interface Lamp {
    room: string
    watts?: number
    colours?: readonly string[]
    timer?: false | { minutes?: number; at?: string }
    onSwitch?: (on: boolean) => void
  }
  const read = (given: unknown) =>
    readOptions(
      'createLamp',
      given as Lamp,
      {
        room: text().required,
        watts: integer({ min: 1, max: 100 }).default(40),
        colours: strings(),
        timer: either(
          oneOf([false]),
          object({ minutes: seconds({ min: 1, max: 60 }).default(5), at: text() }),
        ),
        onSwitch: func(),
      },
      { lumen: 'watts', ceiling: 'hang it up yourself', minutes: 'timer.minutes' },
    )

  test('returns every option with its default', () => {
    const onSwitch = (): void => undefined
    expect(read({ room: 'hall' })).toStrictEqual({
      ...{ room: 'hall', watts: 40, colours: undefined, timer: undefined, onSwitch: undefined },
    })
    expect(read({ room: 'hall', watts: 9, colours: [], timer: {}, onSwitch })).toStrictEqual({
      ...{ room: 'hall', watts: 9, colours: [], timer: { minutes: 5, at: undefined }, onSwitch },
    })
    // The types follow: this compiles.
    const { room, watts, onSwitch: hook } = read({ room: 'hall', timer: false })
    const types: [string, number, ((on: boolean) => void) | undefined] = [room, watts, hook]
    expect(types).toEqual(['hall', 40, undefined])
  })

  test.each<[string, unknown, option: string, message: string]>([
    [
      'nothing',
      undefined,
      'createLamp',
      'must be an object such as { room, watts, colours, … }; it is required',
    ],
    ['null', null, 'createLamp', '; got null'],
    ['a list', ['x'], 'createLamp', '; got a list'],
    ['a function', () => 1, 'createLamp', '; got function'],
    ['a required option that is missing', {}, 'room', '`room` must be a non-empty string; it is required'],
    [
      'null for a default',
      { room: 'x', watts: null },
      'watts',
      '`watts` must be a whole number from 1 to 100; got null',
    ],
    [
      'a typing mistake',
      { room: 'x', wats: 1 },
      'createLamp.wats',
      'is not an option; did you mean "watts"?',
    ],
    ['another case', { Room: 'x' }, 'createLamp.Room', 'did you mean "room"?'],
    [
      'a known mistake',
      { room: 'x', lumen: 1 },
      'createLamp.lumen',
      'is not an option; did you mean "watts"?',
    ],
    [
      'a known mistake with advice',
      { ceiling: 1 },
      'createLamp.ceiling',
      'not an option; hang it up yourself',
    ],
    [
      'a name far off',
      { bulb: 1 },
      'createLamp.bulb',
      'the options are room, watts, colours, timer, onSwitch',
    ],
    [
      'a known mistake of a member',
      { room: 'x', minutes: 1 },
      'createLamp.minutes',
      'is not an option; did you mean "timer.minutes"?',
    ],
    ['a name that every object has', { room: 'x', toString: 1 }, 'createLamp.toString', 'is not an option'],
    ['an unknown option without a value', { room: 'x', bulb: undefined }, 'createLamp.bulb', 'not an option'],
    [
      'a member out of range',
      { room: 'x', timer: { minutes: 0 } },
      'timer.minutes',
      '`timer.minutes` must be',
    ],
    ['an unknown member', { room: 'x', timer: { minute: 1 } }, 'timer.minute', 'did you mean "minutes"?'],
    [
      'neither kind',
      { room: 'x', timer: true },
      'timer',
      'must be false, or an object such as { minutes, at }; got true',
    ],
  ])('refuses %s', (_, given, option, message) => {
    const error = problem(() => read(given))
    expect(error.option).toBe(option)
    expect(error.message).toContain(message)
    expect(error.message.startsWith(`\`${option}\` `)).toBe(true)
  })

  test('a table that is not complete, or has a row too many, does not compile', () => {
    const number = integer({ min: 0, max: 1 })
    const tables: [OptionTable<{ a: string; b?: number }>, ...unknown[]] = [
      { a: text().required, b: number },
      // @ts-expect-error A row is missing.
      { a: text().required } satisfies OptionTable<{ a: string; b?: number }>,
      // @ts-expect-error There is no such option.
      { a: text().required, b: number, c: number } satisfies OptionTable<{ a: string; b?: number }>,
      // @ts-expect-error A row of another type.
      { a: number.required, b: number } satisfies OptionTable<{ a: string; b?: number }>,
    ]
    expect(tables).toHaveLength(4)
    const given = { a: 'x' } as { a: string; b?: number }
    // @ts-expect-error A row is missing.
    expect(readOptions('f', given, { a: text().required })).toEqual({ a: 'x' })
    // @ts-expect-error There is no such option.
    expect(readOptions('f', given, { a: text(), b: number, c: number })).toHaveProperty('c')
  })
})

describe('rows', () => {
  const row = (option: Option<unknown>, value: unknown): unknown => option(value, 'x')

  test.each<
    [string, Option<unknown>, accepted: readonly unknown[], refused: readonly unknown[], what: string]
  >([
    ['text', text(), ['a', undefined], ['', 1, null, ['a']], 'must be a non-empty string; got '],
    [
      'text of a pattern',
      text('a colour', /^#\w{3}$/),
      ['#fff'],
      ['fff', '#ffff'],
      'must be a colour; got "',
    ],
    ['url', url(), ['https://a.test', 'urn:x'], ['a.test', '/a', '', 1], 'must be an absolute URL; got '],
    ['flag', flag(), [true, false, undefined], ['true', 0, null], 'must be true or false; got '],
    [
      'oneOf',
      oneOf(['a', 'b', false]),
      ['a', 'b', false],
      ['c', true, null],
      'must be "a" or "b" or false; got ',
    ],
    [
      'integer',
      integer({ min: 1, max: 3 }),
      [1, 3],
      [0, 4, 1.5, NaN, '1'],
      'a whole number from 1 to 3; got ',
    ],
    ['func', func(), [() => 1, async () => 1], ['f', {}, null], 'must be a function; got '],
    [
      'strings',
      strings(),
      [[], ['a', 'b']],
      ['a', {}, null],
      'must be a list, each item a non-empty string; got ',
    ],
    ['matching', matching('odd', (value) => value === 1), [1], [2, null], 'must be odd; got '],
    [
      'methods',
      methods(['get'], 'a cache'),
      [{ get() {} }],
      [{ get: 1 }, {}, null, 'x'],
      'must be a cache; got ',
    ],
    ['record', record(text(), '{ a: "b" }'), [{}, { a: 'b' }], [[], 'a', null], 'such as { a: "b" }; got '],
  ])('%s', (_, option, accepted, refused, what) => {
    for (const value of accepted) expect(row(option, value)).toEqual(value)
    for (const value of refused) expect(problem(() => row(option, value)).message).toContain(what)
  })

  test('rule 18 seconds are bounded numbers', () => {
    const skew = seconds({ min: 0, max: 60 }).default(5)
    expect([undefined, 0, 60, 0.5].map((value) => row(skew, value))).toEqual([5, 0, 60, 0.5])
    for (const value of [-1, 61, Number.NaN, Infinity, '5', null, 5000])
      expect(problem(() => row(skew, value)).message).toContain(
        'must be a number of seconds from 0 to 60; got ',
      )
  })

  test('required refuses what is missing, a default is read as if it were passed', () => {
    expect(problem(() => row(text().required, undefined)).message).toContain('; it is required')
    const size = object({ size: integer({ min: 1, max: 9 }).default(3) })
    expect(row(size, undefined)).toBeUndefined()
    expect(row(size.default({}), undefined)).toEqual({ size: 3 })
    expect(row(size.default({}), { size: 4 })).toEqual({ size: 4 })
  })

  test('a mistake inside a list or an object is named with its path', () => {
    expect(problem(() => row(strings(), ['a', ''])).message).toBe('`x[1]` must be a non-empty string; got ""')
    const nested = list(object({ to: record(text().required, '{}') }))
    expect(problem(() => row(nested, [{ to: {} }, { to: { a: 1 } }])).option).toBe('x[1].to.a')
    expect(problem(() => row(nested, [{ too: 1 }])).option).toBe('x[0].too')
  })

  test('custom converts', () => {
    const upper = custom('a word', (value, name) => {
      if (value === 'no') throw optionError(name, 'another word', value, 'Try yes')
      return String(value).toUpperCase()
    })
    expect(row(upper, 'yes')).toBe('YES')
    expect(row(upper.default('a'), undefined)).toBe('A')
    expect(problem(() => row(upper, 'no')).message).toBe('`x` must be another word; got "no". Try yes')
  })

  test('a secret stands in no message', () => {
    const long = 'S3CRET'.repeat(6)
    expect(row(secrets(), long)).toEqual([long])
    expect(row(secrets(), [long, `${long}2`])).toEqual([long, `${long}2`])
    expect(row(secret(), 'S3CRET')).toBe('S3CRET')
    const refused = ['S3CRET', ['S3CRET'], [long, 'S3CRET'], [], '', 7, null, { key: 'S3CRET' }]
    for (const value of refused) {
      const { message } = problem(() => row(secrets(), value))
      expect(message).toContain('must be a random secret of at least 32 bytes, or a list of them; ')
      expect(message).toContain('openssl rand -base64 32')
      expect(message).not.toContain('S3CRET')
    }
    expect(problem(() => row(secret(), 73_524)).message).toBe('`x` must be a non-empty string; got object')
    expect(problem(() => row(clientSecret(), 73_524)).message).toBe(
      '`x` must be a non-empty string; got object',
    )
    expect(problem(() => row(secrets(), 'S3CRET')).message).toContain('; got 6 bytes. ')
  })

  test('U13 a message says that an option is required, or shows its value: quoted, cut, without passwords, of objects only the kind', () => {
    const got = (value: unknown): string =>
      optionError('x', 'y', value).message.replace(/^`x` must be y; (?:got )?/, '')
    expect(got('a"b\n')).toBe('"a\\"b\\n"')
    expect(got('x'.repeat(5000))).toBe(`"${'x'.repeat(80)}"`)
    expect(got('postgres://me:S3CRET@db.test/x')).toBe('"postgres://…@db.test/x"')
    expect(got('https://as.test/a?client_secret=S3CRET')).toBe('"https://as.test/a?…"')
    expect(
      [{ a: 'S3CRET' }, ['S3CRET'], [], () => 'S3CRET', null, undefined, 1.5, true, 10n].map(got),
    ).toEqual([
      'object',
      'a list',
      'an empty list',
      'function',
      'null',
      'it is required',
      '1.5',
      'true',
      '10',
    ])
  })
})
