"""Pictures of answers: masks drawn over photos, and contact sheets."""
