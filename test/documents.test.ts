import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Command } from 'commander'
import { commandsIn } from '../src/cli/command-string.ts'
import { declareGlobalOptions } from '../src/cli/global-options.ts'
import { acceptNames } from '../src/cli/named-arguments.ts'
import { indexOfVerb } from '../src/cli/verb-in.ts'
import { VERBS } from '../src/cli/verbs.ts'
import { codeBlocks, scriptOf } from './support/document.ts'

const root = join(import.meta.dirname, '..')

// `npm run test:front-door` runs them.
test('the command line accepts every `stasis …` in the commands of README and docs', async () => {
  let seen = 0
  const paths = ['README.md']
  for await (const path of glob('docs/*.md', { cwd: root })) paths.push(path)
  for (const path of paths)
    for (const { language, code } of await codeBlocks(path))
      for (const line of language === 'sh' ? code.split('\n') : []) {
        const [, command] = /^(?:[\w-]+ && )?stasis ([^#>|]*)/.exec(line) ?? []
        if (command === undefined) continue
        const words = [...command.trim().matchAll(/'([^']*)'|(\S+)/g)].map(
          ([, quoted, plain]) => quoted ?? plain ?? '',
        )
        for (const one of commandsIn(words)) await parse(one, `${path}: ${line}`)
        seen += 1
      }
  assert.ok(seen > 30, `${seen}`)
})

test('the verbs that docs/coming-from-virsh.md calls the same exist', async () => {
  const text = await readFile(join(root, 'docs/coming-from-virsh.md'), 'utf8')
  const [, table = ''] = /^## What is the same\n(.*?)^## /ms.exec(text) ?? []
  const verbs = [...table.matchAll(/^\| [A-Z].*$/gm)].flatMap(([line]) =>
    [...line.matchAll(/`([a-z-]+)`/g)].map(([, verb = '']) => verb),
  )
  assert.ok(verbs.length > 50, `${verbs.length}`)
  const names = new Set(VERBS.map(({ name }) => name))
  assert.deepEqual(
    verbs.filter((verb) => !names.has(verb)),
    [],
  )
})

async function parse(argv: readonly string[], place: string): Promise<void> {
  const name = argv[indexOfVerb(argv)]
  const entry = VERBS.find((verb) => verb.name === name)
  assert.ok(entry !== undefined, `${place}: there is no verb ${name}`)
  const program = declareGlobalOptions(new Command('stasis')).exitOverride()
  const command = (await entry.load()).declare(program.command(entry.name).exitOverride())
  const joined = acceptNames(command)
  command.action(() => void joined())
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    assert.fail(`${place}: ${(error as Error).message}`)
  }
}

test('scriptOf() types the blocks of a guest and leaves out other places', () => {
  const block = { place: undefined, section: '' }
  const script = scriptOf(
    [
      { ...block, language: 'sh', code: 'stasis start guest\nstasis console guest\n' },
      { ...block, language: 'guest', code: "guest# echo 'x 5'\nx 5\n" },
      { ...block, language: 'sh', place: 'npm', code: 'npm install\n' },
      { ...block, language: 'sh', place: 'deb', code: 'apt-get install\n' },
      { ...block, language: 'text', code: 'nothing\n' },
    ],
    ['deb'],
  )
  assert.match(
    script,
    /\nstasis start guest\n\n\nin_guest guest 'echo '\\''x 5'\\'''\nshown 'x \[0-9\]\+'\napt-get install\n$/,
  )
})
