import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { FreshRoot, noFreshRoot } from '../support/fresh-root.ts'
import { guestPaths } from '../support/guests.ts'

const run = promisify(execFile)
// An upgrade and a purge take a minute more (npm run test:all).
const long = process.env['STASIS_LONG'] !== undefined
const script = join(import.meta.dirname, '../../scripts/deb')

describe('the Debian package on this system', { skip: noFreshRoot }, () => {
  let root: FreshRoot

  before(async () => {
    root = await FreshRoot.over('/')
    for (const revision of long ? ['1', '2'] : ['1'])
      await run('sh', [script, '--revision', revision, '--compress', 'none', root.given])
    await copyFile(guestPaths().tinyDisk, join(root.given, 'tiny.img'))
  })
  after(() => root[Symbol.asyncDispose]())

  async function startGuest(name: string): Promise<CounterLog> {
    const serial = { type: 'file', path: `/mnt/given/${name}.log` } as const
    const emulator = '/usr/bin/qemu-system-x86_64'
    const xml = domainXml({ name, guest: 'tiny', emulator, serial })
    const own = xml.replace(guestPaths().tinyDisk, '/mnt/given/tiny.img')
    await writeFile(join(root.given, `${name}.xml`), own)
    await root.sh(`stasis define /mnt/given/${name}.xml && stasis start ${name}`)
    return new CounterLog(join(root.given, `${name}.log`))
  }

  test('contains the command, its own Node, units, man page, completions and documents', async () => {
    const list = await root.sh('dpkg-deb -c /mnt/given/stasis_*-1_amd64.deb')
    for (const path of [
      './usr/bin/stasis -> ../lib/stasis/dist/bundle/entry.cjs',
      './usr/lib/stasis/bin/node',
      './usr/lib/systemd/system/stasis-host.service',
      './usr/lib/systemd/system/stasis-autostart.service',
      './usr/lib/ocf/resource.d/stasis/Domain',
      './usr/share/man/man1/stasis.1.gz',
      './usr/share/bash-completion/completions/stasis',
      './usr/share/zsh/vendor-completions/_stasis',
      './usr/share/fish/vendor_completions.d/stasis.fish',
      './usr/share/doc/stasis/copyright',
      './etc/stasis/hooks.d/',
    ])
      assert.ok(list.includes(` ${path}\n`), path)
    assert.doesNotMatch(list, /\.map$|\.test\.|\.d\.ts$|musl/m)
    for (const line of list.trim().split('\n'))
      assert.match(line, /^[-dl](rwxr-xr-x|rw-r--r--|rwxrwxrwx) root\/root /)
  })

  test('is installed: command, man page, completion, user and units are there', async () => {
    await root.sh('dpkg --force-unsafe-io -i /mnt/given/stasis_*-1_amd64.deb')
    assert.match(await root.sh('stasis version'), /^Node: +24\./m)
    assert.match(await root.sh('man -w stasis'), /^\/usr\/share\/man\/man1\/stasis\.1\.gz$/m)
    assert.match(
      await root.sh('source /usr/share/bash-completion/completions/stasis; complete -p stasis'),
      /_stasis stasis/,
    )
    assert.match(
      await root.sh('getent passwd stasis-qemu'),
      /:\/nonexistent:\/usr\/sbin\/nologin$/m,
    )
    const units = '/usr/lib/systemd/system/stasis-host.service'
    await root.sh(`! command -v systemd-analyze || systemd-analyze verify --man=no ${units}`)
    assert.match(
      await root.sh('stasis systemd-units'),
      /^ExecStart=-\/usr\/lib\/stasis\/bin\/node \/usr\/bin\/stasis host-resume$/m,
    )
    assert.match(await root.sh('dpkg --verify stasis && echo unchanged'), /^unchanged\n$/)
  })

  test('saves a guest and restores it lazily, as the user of QEMU', async () => {
    const log = await startGuest('quick')
    await log.advance(2)
    assert.match(await root.sh('ps -o user:20= -C qemu-system-x86_64'), /^stasis-qemu\s*$/)
    const image = '/var/tmp/quick.save'
    await root.sh(`stasis save quick ${image} && stasis restore ${image} --mode lazy --wait memory`)
    await log.advance(2)
    await log.assertUnbroken()
    await root.sh(`stasis destroy quick && stasis undefine quick && rm ${image}`)
  })

  test(
    'saves and restores guests over an upgrade, and a purge leaves their saves',
    { skip: !long },
    async () => {
      const logs = [await startGuest('one'), await startGuest('two')]
      const bothContinue = (): Promise<unknown> => Promise.all(logs.map((log) => log.advance(2)))
      await bothContinue()
      await root.sh('stasis save one /var/tmp/one.save && stasis restore /var/tmp/one.save')
      await bothContinue()

      await root.sh('stasis managedsave one')
      await root.sh('dpkg --force-unsafe-io -i /mnt/given/stasis_*-2_amd64.deb')
      assert.match(await root.sh('dpkg -s stasis'), /^Version: .*-2$/m)
      await root.sh('stasis save two /var/tmp/two.save --parallel-compression zstd')
      await root.sh(
        'stasis start one && stasis restore /var/tmp/two.save --mode lazy --wait memory',
      )
      await bothContinue()

      await root.sh(
        'stasis managedsave one && stasis save two /var/tmp/two.save && stasis restore /var/tmp/two.save',
      )
      const saves =
        'cd /; find var/lib/stasis var/tmp -type f ! -name "*.lock" | sort | xargs sha256sum'
      const before = await root.sh(saves)
      const said = await root.sh('dpkg --purge stasis')
      assert.match(said, /domain 'two' keeps running/)
      assert.match(said, /\/var\/lib\/stasis stays: .*managed saves/)
      assert.equal(await root.sh(saves), before)
      assert.equal(
        await root.sh(
          'ls -d /usr/bin/stasis /usr/lib/stasis /etc/stasis /var/cache/stasis 2>/dev/null || :',
        ),
        '',
      )
      await logs[1]?.advance(2)

      await root.sh('dpkg --force-unsafe-io -i /mnt/given/stasis_*-1_amd64.deb && stasis start one')
      await bothContinue()
      for (const log of logs) await log.assertUnbroken()
      await root.sh(
        'stasis destroy one; stasis destroy two; stasis undefine one; stasis undefine two',
      )
    },
  )
})
