import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallXml } from '../../../test/support/test-store.ts'
import { withNewGenid } from './new-genid.ts'

const GENID = '99999999-2222-4333-8444-555555555555'

test('withNewGenid() replaces the generation id and nothing else', () => {
  const xml = smallXml({ name: 'web', more: `<genid>${GENID}</genid>` })
  const ids = [1, 2].map(() => {
    const { text, path } = withNewGenid({ text: xml, path: '/web.xml' })
    assert.equal(path, '/web.xml')
    const id = /<genid>(.*)<\/genid>/.exec(text)?.[1] ?? ''
    assert.match(id, /^[0-9a-f-]{36}$/)
    assert.equal(
      text.replace(id, GENID),
      withNewGenid({ text }).text.replace(/<genid>.*<\/genid>/, `<genid>${GENID}</genid>`),
    )
    return id
  })
  assert.equal(new Set([...ids, GENID]).size, 3)
})

test('withNewGenid() throws DOMAIN_WRONG_STATE for a machine without a generation id', () => {
  assert.throws(() => withNewGenid({ text: smallXml({ name: 'web' }), path: '/web.xml' }), {
    code: 'DOMAIN_WRONG_STATE',
    path: '/web.xml',
  })
})
