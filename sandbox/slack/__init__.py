"""A stand-in for Slack: incoming webhooks and chat.postMessage, with Slack's limits and Slack's answers."""
