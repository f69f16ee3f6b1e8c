import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from './parse-configuration.ts'

const WRONG: readonly (readonly [string, RegExp, RegExp?])[] = [
  [
    '[save]\nchanels = 3',
    /^\/c:2: there is no setting "save\.chanels"/,
    /Did you mean save\.channels/,
  ],
  ['\n\nmode = "lazy"', /^\/c:3: there is no setting "mode"/, /Did you mean restore\.mode/],
  ['frobnicate = 1', /^\/c:1: there is no setting "frobnicate"/, /`stasis config`/],
  ['[sav]\nformat = "raw"', /^\/c:1: there is no setting "sav"/, /Did you mean save\?/],
  ['[save]\nchannels = 0', /^\/c:2: save\.channels must be a whole number from 1 to 64/],
  ['[save]\nchannels = "4"', /^\/c:2: save\.channels must be a whole number/],
  ['save.format = "qcow2"', /^\/c:1: save\.format must be one of stasis, raw/],
  ['[save]\n# so\nmax-bandwidth = "fast"', /^\/c:3: save\.max-bandwidth must be bytes per second/],
  ['save = 3', /^\/c:1: save must be a table: \[save\]/],
  ['[[save]]', /^\/c:1: save must be a table/],
  ['allow = "path:/srv"', /^\/c:1: allow must be a list/],
  ['allow = [\n"a:b",\n3\n]', /^\/c:1: allow must be a list/],
  ['[networks]\nlan = 3', /^\/c:1: networks must be a table of texts/],
  ['[save\n', /^\/c:1: /],
  ['x = 1\nx = 2', /^\/c:2: /],
]

test('parseConfiguration() names file and line of what is wrong, and the nearest setting', async () => {
  for (const [text, message, hint] of WRONG)
    await assert.rejects(parseConfiguration(text, '/c'), (error: Error & { hint?: string }) => {
      assert.match(error.message, message, text)
      if (hint !== undefined) assert.match(error.hint ?? '', hint)
      return 'code' in error && error.code === 'BAD_CONFIGURATION'
    })
})

test('parseConfiguration() finds the line of each value', async () => {
  const text = [
    '# first',
    'allow = [',
    '  "path:/a", # in [brackets]',
    ']',
    'image-convert.channels = 3',
    '',
    '[save] # a table',
    'max-bandwidth = "500M"',
    'bypass-cache = false',
    'compression-level = "adaptive"',
    '[networks]',
    'lan = "user"',
    '"a.b" = "none"',
    '[restore]',
    'mode = """lazy"""',
  ]
  const found = await parseConfiguration(text.join('\n'), '/c')
  assert.deepEqual(
    found.map(({ setting, value, line }) => [setting.key, value, line]),
    [
      ['allow', ['path:/a'], 2],
      ['image-convert.channels', 3, 5],
      ['save.max-bandwidth', 500 * 1024 ** 2, 8],
      ['save.bypass-cache', false, 9],
      ['save.compression-level', 'adaptive', 10],
      ['networks', new Map([['lan', 'user']]), 12],
      ['networks', new Map([['a.b', 'none']]), 13],
      ['restore.mode', 'lazy', 15],
    ],
  )
})
