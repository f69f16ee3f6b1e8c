import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieWithDisks, disksInCookie } from './disk-cookie.ts'

test('disksInCookie() reads what cookieWithDisks() wrote, whatever is in the path', () => {
  const facts = { target: 'vda', sizeBytes: 4096, modifiedNs: '1', content: undefined }
  const disks = ["/a$'b", '/a$&b', '/a$`b', '/a$$b', '/a & <b>', '/a\n\tb'].map((path) => ({
    ...facts,
    path,
  }))
  const cookie = cookieWithDisks('<cookie>\n  <cpu/>\n</cookie>\n', disks)
  assert.deepEqual(disksInCookie(cookie), disks)
})
