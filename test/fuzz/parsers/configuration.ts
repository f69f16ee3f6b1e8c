import * as fc from 'fast-check'
import { StasisError } from '../../../src/errors.ts'
import { parseConfiguration } from '../../../src/domain/configuration/parse-configuration.ts'
import { Broken, type FuzzParser } from '../parser.ts'
import { badText } from '../shapes.ts'

const TEXT = `# a comment
allow = [
  "path:/srv/vm", # a list over lines
  "emulator:/opt/qemu",
]
qemu-user = 'qemu'
save.digest = false

[networks]
default = "bridge:br0"
"a.b" = "none"

[save]
format = "stasis"
channels = 4
max-bandwidth = "500M"
[host-save]
parallel-domains = 0x4
time-limit = 90
[restore]
mode = """lazy"""
`

/** A configuration file. */
export const configurationParser: FuzzParser = {
  name: 'configuration',
  seeds: () => [Buffer.from(TEXT), Buffer.from('[save]\n')],
  shapes: () =>
    fc
      .array(fc.oneof(fc.constantFrom(...TEXT.split('\n')), badText), { maxLength: 30 })
      .map((lines) => Buffer.from(lines.join('\n'))),
  words: ['[', ']', '[[save]]', '"""', "'''", '=', '__proto__', 'save.', '1979-05-27', 'inf', '{'],
  run: async (input) => {
    const text = Buffer.from(input).toString('utf8')
    const last = text.split('\n').length
    try {
      for (const { line } of await parseConfiguration(text, '/c.toml'))
        if (!(line >= 1 && line <= last)) throw new Broken(`a value is in line ${line} of ${last}`)
    } catch (error) {
      if (!StasisError.is(error, 'BAD_CONFIGURATION')) throw error
      if (!/^\/c\.toml:[1-9]\d*: /.test(error.message)) throw new Broken(error.message)
      throw error
    }
  },
}
