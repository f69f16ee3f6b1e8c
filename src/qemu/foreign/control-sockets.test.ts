import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlMonitors } from './control-sockets.ts'
import { nameIn } from './find-named.ts'

const monitorsOf = (text: string) => controlMonitors(text.split(' '))

test('controlMonitors() finds the sockets on which a QEMU listens for QMP', () => {
  assert.deepEqual(monitorsOf('qemu -qmp unix:/run/a,,b.sock,server=on,wait=off').sockets, [
    '/run/a,b.sock',
  ])
  assert.deepEqual(
    monitorsOf(
      'qemu -chardev socket,id=m,path=/run/m,server=on,wait=off -mon chardev=m,mode=control',
    ).sockets,
    ['/run/m'],
  )
  assert.deepEqual(monitorsOf('qemu -qmp unix:/run/client').sockets, [])
  assert.deepEqual(monitorsOf('qemu -qmp tcp:localhost:4444,server').sockets, [])
  assert.deepEqual(
    monitorsOf('qemu -chardev socket,id=m,path=/run/m,server=on -mon chardev=m,mode=readline')
      .sockets,
    [],
  )
})

test("controlMonitors() keeps away from libvirt's own monitor, and knows ours", () => {
  const theirs =
    '-chardev socket,id=charmonitor,fd=25,server=on,wait=off -mon chardev=charmonitor,id=monitor,mode=control'
  assert.deepEqual(monitorsOf(`qemu ${theirs}`), { sockets: [], libvirt: true, ours: false })
  const second = monitorsOf(`qemu ${theirs} -qmp unix:/run/second,server=on,wait=off`)
  assert.deepEqual(second, { sockets: ['/run/second'], libvirt: true, ours: false })
  const ours =
    '-chardev socket,id=char-stasis-control,path=/run/x,server=on,wait=off -mon chardev=char-stasis-control,id=stasis-control,mode=control'
  assert.equal(monitorsOf(`qemu ${ours}`).ours, true)
})

test('nameIn() reads the name of a guest in each notation of -name', () => {
  const nameOf = (value: string): string | undefined => nameIn(['qemu', '-name', value])
  assert.equal(nameOf('web'), 'web')
  assert.equal(nameOf('guest=web,debug-threads=on'), 'web')
  assert.equal(nameOf('debug-threads=on,guest=a,,b'), 'a,b')
  assert.equal(nameOf('web,process=p'), 'web')
  assert.equal(nameOf('debug-threads=on'), undefined)
  assert.equal(nameIn(['qemu']), undefined)
})
