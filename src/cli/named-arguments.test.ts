import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Command } from 'commander'
import { acceptNames } from './named-arguments.ts'

/** What a verb with these arguments receives. */
async function joined(declared: string, ...argv: readonly string[]): Promise<readonly string[]> {
  const command = new Command('verb').exitOverride().configureOutput({ writeErr: () => undefined })
  for (const argument of declared.split(' ')) command.argument(argument)
  const join = acceptNames(command.option('--other <x>'))
  let args: readonly string[] = []
  await command.action(() => void (args = join())).parseAsync(argv, { from: 'user' })
  return args
}

describe('acceptNames', () => {
  const same: readonly (readonly string[])[] = [
    ['web', 'web.save'],
    ['--domain', 'web', '--file', 'web.save'],
    ['--file=web.save', '--domain=web'],
    ['--domain', 'web', 'web.save'],
    ['web.save', '--domain', 'web'],
    ['--file', 'web.save', 'web'],
    ['web', '--other', 'x', '--file', 'web.save'],
  ]
  for (const argv of same)
    test(argv.join(' '), async () => {
      assert.deepEqual(await joined('<domain> <file>', ...argv), ['web', 'web.save'])
    })

  test('reports what is missing or too much', async () => {
    await assert.rejects(
      joined('<domain> <file>', '--file', 'f'),
      /Missing required argument 'domain'/,
    )
    await assert.rejects(joined('<domain>', '--domain', 'web', 'db'), /Too many arguments: 'db'/)
    assert.deepEqual(await joined('[name]'), [])
  })

  test('takes several values for an argument that has several', async () => {
    assert.deepEqual(await joined('<file...>', '--file', 'a', 'b'), ['a', 'b'])
    assert.deepEqual(await joined('<file...>', 'a', 'b'), ['a', 'b'])
  })

  test('shows the arguments in the help as they were declared', () => {
    const command = new Command('save').argument('<domain>')
    acceptNames(command)
    assert.match(command.helpInformation(), /^Usage: save .*<domain>/)
  })
})
