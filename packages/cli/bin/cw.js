#!/usr/bin/env node
import("../dist/cw.js")
