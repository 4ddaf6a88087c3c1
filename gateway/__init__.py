"""The project: settings, the relay of LLM traffic, and the control plane around it. Nothing imports it."""

VERSION = "0.2.0"
